// The eye in a password field shows what was typed; the caret stays where it was.
{
  document.addEventListener("click", (event) => {
    const eye = event.target.closest("[data-eye]");
    if (!eye) return;
    const field = document.getElementById(eye.dataset.eye);
    const shown = field.type === "password";
    const { selectionStart, selectionEnd } = field;
    field.type = shown ? "text" : "password";
    eye.setAttribute("aria-pressed", String(shown));
    field.focus();
    field.setSelectionRange(selectionStart, selectionEnd);
  });

  // Sent as text, the browser would offer the password as a form entry next time.
  document.addEventListener("submit", (event) => {
    for (const eye of event.target.querySelectorAll('[data-eye][aria-pressed="true"]')) {
      document.getElementById(eye.dataset.eye).type = "password";
      eye.setAttribute("aria-pressed", "false");
    }
  }, true);
}
