// Text fields grow with their text where the browser's own field-sizing is not there yet.
{
  // In rows, not in a style: htmx copies style attributes to the fields that come after, and the policy forbids those.
  const grow = (field) => {
    field.dataset.rows ??= field.rows;
    field.rows = field.dataset.rows;
    const { lineHeight, paddingTop, paddingBottom } = getComputedStyle(field);
    const text = field.scrollHeight - parseFloat(paddingTop) - parseFloat(paddingBottom);
    field.rows = Math.max(field.rows, Math.round(text / parseFloat(lineHeight)));
  };

  if (!CSS.supports("field-sizing", "content")) {
    document.addEventListener("input", (event) => event.target.matches("[data-grow]") && grow(event.target));
    document.addEventListener("htmx:after:swap", () => document.querySelectorAll("[data-grow]").forEach(grow));
    document.querySelectorAll("[data-grow]").forEach(grow);
  }
}
