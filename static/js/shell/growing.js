// Text fields grow with their text where the browser's own field-sizing is not there yet.
{
  const grow = (field) => {
    field.style.blockSize = "auto";
    field.style.blockSize = `${field.scrollHeight}px`;
  };

  if (!CSS.supports("field-sizing", "content")) {
    document.addEventListener("input", (event) => event.target.matches("[data-grow]") && grow(event.target));
    document.addEventListener("htmx:after:swap", () => document.querySelectorAll("[data-grow]").forEach(grow));
    document.querySelectorAll("[data-grow]").forEach(grow);
  }
}
