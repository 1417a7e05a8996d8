// The code of an app or an SMS: only its digits stay, a pasted "123 456" fits, and where asked the form sends itself.
{
  const LONG = 6;
  const digits = (text) => text.replace(/\D/g, "").slice(0, LONG);

  const tidy = (field) => {
    const clean = digits(field.value);
    if (clean === field.value) return;
    const caret = digits(field.value.slice(0, field.selectionStart)).length;
    field.value = clean;
    if (document.activeElement === field) field.setSelectionRange(caret, caret);
  };

  // A wrong code stands there to be looked at: what is typed next takes its place.
  const offer = (field) => {
    if (field?.matches?.('[data-island~="six-digits"][aria-invalid="true"]')) field.select();
  };

  document.addEventListener("focusin", (event) => offer(event.target));
  offer(document.activeElement);

  document.addEventListener("input", (event) => {
    const field = event.target.closest?.('[data-island~="six-digits"]');
    if (!field || event.isComposing) return;
    tidy(field);
    if (!("auto" in field.dataset) || field.value.length < LONG || field.dataset.sent === field.value) return;
    // The same code is sent once by itself: after a refusal somebody may be looking for the wrong digit.
    field.dataset.sent = field.value;
    field.form.requestSubmit();
  });
}
