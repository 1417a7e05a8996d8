// A form is sent once: its button says that it is busy and keeps its width. Ctrl+Enter sends what is being written.
{
  const label = (button) => button.lastElementChild ?? button;

  const busy = (button) => {
    button.dataset.label ??= label(button).textContent;
    button.style.minInlineSize = `${button.offsetWidth}px`;
    label(button).textContent = button.dataset.busy;
    button.setAttribute("aria-busy", "true");
  };

  const rest = (button) => {
    label(button).textContent = button.dataset.label;
    button.removeAttribute("aria-busy");
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.querySelector('[aria-busy="true"]') && form.dataset.sent) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    form.dataset.sent = "yes";
    const button = event.submitter ?? form.querySelector("[data-busy]");
    if (button?.dataset.busy) busy(button);
  }, true);

  document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
    const form = ctx.sourceElement;
    if (!form?.matches?.("form")) return;
    delete form.dataset.sent;
    for (const button of form.querySelectorAll('[aria-busy="true"]')) rest(button);
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    const form = event.target.closest?.("[data-send]");
    if (!form) return;
    event.preventDefault();
    form.requestSubmit(form.querySelector("[data-busy]"));
  });
}
