// The answer opens in place: the field takes the focus, and leaving with an unsent answer is asked about.
{
  const section = document.querySelector(".guest-reply");
  const field = section?.querySelector("textarea");

  const arrive = () => {
    if (location.hash === "#antwoord") field.focus({ preventScroll: false });
  };

  if (field) {
    arrive();
    addEventListener("hashchange", arrive);

    let sending = false;
    field.form.addEventListener("submit", () => { sending = true; });
    addEventListener("beforeunload", (event) => {
      if (!sending && field.value.trim() && field.value !== field.defaultValue) event.preventDefault();
    });
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) field.form.requestSubmit();
    });
  }
}
