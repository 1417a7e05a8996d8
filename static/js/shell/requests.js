// Every htmx request carries the CSRF token; every failed one is told in words, and nothing typed is lost.
{
  const problem = () => document.getElementById("problem");
  const words = (id) => document.getElementById(id).content.cloneNode(true);
  const show = () => {
    const notice = problem().firstElementChild;
    if (notice && !notice.querySelector("[data-close]")) notice.append(words("words-close"));
  };
  const tell = (id) => {
    problem().replaceChildren(words(id));
    show();
  };
  // A poll nobody asked for fails in silence: the next one tells whether it was serious.
  const unasked = (ctx) => ctx.sourceElement?.id === "news";

  const only = (ctx, names) => {
    for (const name of new Set(ctx.request.body.keys())) {
      if (!names.includes(name)) ctx.request.body.delete(name);
    }
  };

  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
    // A form that came later, like the log-in over a page, brings a newer token than the page's own.
    const own = ctx.request.body.get("csrf_token");
    ctx.request.headers["X-CSRF-Token"] = own ?? document.querySelector('meta[name="csrf"]').content;
    const names = ctx.sourceElement?.dataset?.sendOnly;
    if (names) only(ctx, names.split(" "));
    if (document.visibilityState === "hidden") ctx.request.keepalive = true;
  });

  // An error answer is a fragment made for this place; 409 and 422 belong to their form and stay there.
  document.addEventListener("htmx:before:response", (event) => {
    const { ctx } = event.detail;
    const status = ctx.response.status;
    if (status < 400 || status === 401 || status === 409 || status === 422) return;
    if (unasked(ctx)) {
      event.preventDefault();
      return;
    }
    ctx.hx.retarget ??= "#problem";
    ctx.hx.reswap ??= "innerHTML";
    delete ctx.hx.pushurl;
    ctx.push = null;
  });

  // The common error page as a fragment must never take the place of a form with words in it.
  document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
    if (![409, 422].includes(ctx.response.status) || !ctx.text?.includes("error-fragment")) return;
    ctx.hx.retarget = "#problem";
    ctx.hx.reswap = "innerHTML";
  });

  document.addEventListener("htmx:after:swap", show);

  document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
    if (ctx.response.status < 400 && !unasked(ctx)) problem().replaceChildren();
  });

  document.addEventListener("htmx:error", ({ detail: { ctx, error } }) => {
    if (!ctx || unasked(ctx)) return;
    tell(error instanceof TypeError || error?.name === "AbortError" ? "words-offline" : "words-failed");
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("#problem [data-close]")) problem().replaceChildren();
  });
}
