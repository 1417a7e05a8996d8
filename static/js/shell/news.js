// New mail without a reload: one cheap question every 20 seconds while the page is seen, and at once on return.
{
  const EVERY = 20_000;
  let last = Date.now();

  const ask = () => {
    const place = document.getElementById("news");
    if (!place || document.hidden) return;
    last = Date.now();
    htmx.trigger(place, "news");
  };

  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
    if (ctx.sourceElement?.id !== "news") return;
    const open = document.querySelector("[data-conversation]")?.dataset.conversation;
    if (open) ctx.request.body.set("conversation", open);
  });

  setInterval(ask, EVERY);
  document.addEventListener("visibilitychange", () => {
    // Switching quickly between windows is no reason to ask each time.
    if (!document.hidden && Date.now() - last > 2_000) ask();
  });
}
