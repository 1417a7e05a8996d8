// The session ended while somebody was busy: log in over the page, then send again what was waiting. The text stays.
{
  let waiting = null;

  const dialog = () => document.getElementById("dialog");
  const place = () => document.querySelector("meta[name=login-fragment]")?.content;
  const typed = () => [...document.querySelectorAll("[data-draft] textarea, [data-draft] input:not([type=hidden])")]
    .some((field) => field.value.trim() !== "");

  const ask = async () => {
    if (dialog().open && document.querySelector("[data-login-place]")) return;
    await htmx.ajax("GET", place(), { target: "#dialog-body" });
    dialog().setAttribute("aria-labelledby", "login-title");
    if (!dialog().open) dialog().showModal();
  };

  document.addEventListener("htmx:before:response", (event) => {
    const { ctx } = event.detail;
    if (ctx.response.status !== 401) return;
    // The log-in form answers 401 too when the password is wrong: that belongs to the form.
    if (ctx.sourceElement.closest("[data-login-place]")) return;
    event.preventDefault();
    if (ctx.sourceElement.id === "news") {
      // Nothing is being written: the page shows other people's words and has to go.
      if (typed()) ask();
      else location.reload();
      return;
    }
    // What somebody sent matters more than a save that met the same closed door.
    if (!waiting || ctx.sourceElement.matches("form")) waiting = ctx;
    ask();
  });

  const sendAgain = (ctx) => {
    const element = ctx.sourceElement;
    if (!element?.isConnected) return;
    if (element.matches("form")) element.requestSubmit(ctx.request.submitter ?? undefined);
    else htmx.trigger(element, ctx.sourceEvent?.type ?? "click");
  };

  // The server says so in HX-Trigger, with the token of the new session.
  document.addEventListener("session-renewed", (event) => {
    const whose = document.querySelector('meta[name="account"]')?.content;
    if (whose && event.detail?.account !== whose) {
      // Somebody else logged in over this page: what stands on it is not theirs to send.
      waiting = null;
      location.replace("/");
      return;
    }
    const token = event.detail?.csrf;
    if (token) {
      document.querySelector('meta[name="csrf"]').content = token;
      for (const field of document.querySelectorAll('input[name="csrf_token"]')) field.value = token;
    }
    dialog().close();
    const ctx = waiting;
    waiting = null;
    if (ctx) setTimeout(() => sendAgain(ctx), 0);
  });
}
