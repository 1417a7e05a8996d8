// A form is sent once: the button keeps its width, says that it is busy and lets no second click through.
{
  const busy = (button) => {
    button.dataset.label ??= button.textContent;
    button.style.minInlineSize = `${button.offsetWidth}px`;
    button.textContent = button.dataset.busy || button.dataset.label;
    button.setAttribute("aria-busy", "true");
  };

  const rest = (button) => {
    button.textContent = button.dataset.label ?? button.textContent;
    button.removeAttribute("aria-busy");
  };

  document.addEventListener("submit", (event) => {
    const form = event.target.closest('[data-island~="once"]');
    // htmx keeps its own forms from being sent twice, and stays on the page.
    if (!form || form.hasAttribute("data-hx-post")) return;
    // A mark of its own: on a member's page another island has marked the form before, and made its button busy.
    if (form.dataset.once) {
      event.preventDefault();
      return;
    }
    form.dataset.once = "yes";
    const button = event.submitter ?? form.querySelector("[data-busy]");
    if (button?.dataset.busy && !button.hasAttribute("aria-busy")) busy(button);
  });

  // An answer that never comes must not leave a dead button behind.
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("[data-once], [data-sent]")) {
      delete form.dataset.once;
      delete form.dataset.sent;
    }
    for (const button of document.querySelectorAll('[aria-busy="true"]')) rest(button);
  });
}
