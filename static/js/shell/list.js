// The list beside the letters: which row is open, no row twice, focus and title after a swap, the way back.
{
  const mark = () => {
    const open = document.querySelector("[data-conversation]");
    for (const row of document.querySelectorAll(".row-link[aria-current]")) row.removeAttribute("aria-current");
    if (open) document.getElementById(`row-${open.dataset.conversation}`)?.firstElementChild.setAttribute("aria-current", "true");
  };

  // The newest place of a conversation counts: after news it may still stand further down as well.
  const once = () => {
    const seen = new Set();
    for (const row of document.querySelectorAll("li.row[id]")) {
      if (seen.has(row.id)) row.remove();
      seen.add(row.id);
    }
  };

  const arrive = () => {
    const open = document.querySelector("[data-conversation]");
    if (!open) return;
    document.title = open.dataset.title;
    open.querySelector("[data-focus]")?.focus({ preventScroll: true });
    toLast(open);
  };

  const toLast = (open) => {
    const letters = [...open.querySelectorAll(".letter")];
    const last = letters.find((letter) => letter.matches(".letter-closed")) ?? letters.at(-1);
    // Whoever asks for help stands above the letters, and comes first.
    if (letters.length > 1 && !open.querySelector(".help-card")) last.scrollIntoView({ block: "start" });
    else scrollTo(0, 0);
  };

  document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
    once();
    mark();
    if (ctx.target?.id === "conversation" || ctx.target === "#conversation") arrive();
  });

  const first = document.querySelector("[data-conversation]");
  if (first) toLast(first);
}
