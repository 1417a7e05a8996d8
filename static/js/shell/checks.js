// The recipient check: under its chip on a desk, a sheet from below on a phone; an empty number takes the caret.
{
  const dialog = () => document.getElementById("dialog");
  let under = "";
  const WIDE = matchMedia("(width >= 64rem)");

  const place = (sheet) => {
    const chip = document.getElementById(sheet.dataset.under);
    const box = chip?.getBoundingClientRect();
    dialog().classList.toggle("dialog-under", Boolean(WIDE.matches && box));
    if (!WIDE.matches || !box) return;
    const left = Math.max(16, Math.min(box.left, innerWidth - 390 - 16));
    const top = Math.max(16, Math.min(box.bottom + 8, innerHeight - dialog().offsetHeight - 16));
    dialog().style.setProperty("--left", `${left}px`);
    dialog().style.setProperty("--top", `${top}px`);
  };

  // It grows when it opens, with the fields of a chosen row and with what is wrong: nothing of it may lie beneath the edge.
  const grown = new ResizeObserver(() => {
    const sheet = document.querySelector("#dialog-body .check-sheet");
    if (sheet) place(sheet);
  });

  document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
    if (!ctx.sourceElement?.matches?.("[data-check], [data-checks-button], #dialog-body, #dialog-body *")) return;
    document.getElementById("secure-reasons")?.hidePopover?.();
    const sheet = document.querySelector("#dialog-body .check-sheet");
    if (!sheet) return;
    under = sheet.dataset.under ?? "";
    place(sheet);
    grown.observe(dialog());
    (sheet.querySelector("[aria-invalid]") ?? sheet.querySelector("[data-focus]"))?.focus();
  });

  // The field of the chosen row opens beneath it; an empty one is what comes next.
  document.addEventListener("change", (event) => {
    if (!event.target.matches('.check-sheet input[name="method"]')) return;
    const field = event.target.closest(".check-row").querySelector(".check-fields input");
    if (field && !field.value && WIDE.matches) field.focus();
  });

  document.addEventListener("close", (event) => {
    if (event.target.id !== "dialog") return;
    grown.disconnect();
    dialog().classList.remove("dialog-under");
    // The chip may have come back as another element: the caret returns to it.
    document.getElementById(under)?.querySelector(".chip-button")?.focus({ preventScroll: true });
    under = "";
  }, true);
}
