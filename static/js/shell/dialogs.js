// What a link marked data-dialog fetches appears over the page; Escape, Cancel and a tap beside it close it.
{
  const dialog = () => document.getElementById("dialog");
  const body = () => document.getElementById("dialog-body");

  document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
    if (!ctx.sourceElement?.matches?.("[data-dialog]")) return;
    if (ctx.response?.status >= 400 || !body().firstElementChild) return;
    for (const menu of document.querySelectorAll("details[data-menu][open]")) menu.open = false;
    if (!dialog().open) dialog().showModal();
    body().querySelector("[data-focus]")?.focus();
  });

  document.addEventListener("click", (event) => {
    const closer = event.target.closest("dialog [data-close]");
    if (closer) {
      event.preventDefault();
      closer.closest("dialog").close();
      return;
    }
    // The backdrop belongs to the dialog: a click on the dialog itself is one beside its content.
    if (event.target.matches("dialog") && outside(event)) event.target.close();
  });

  const outside = (event) => {
    const box = event.target.getBoundingClientRect();
    return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
  };

  // A form in the dialog that did its work leaves the dialog behind.
  document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
    if (ctx.request.method !== "POST" || ctx.response.status >= 400) return;
    if (!ctx.sourceElement?.closest?.("#dialog") || ctx.sourceElement.closest("[data-login-place]")) return;
    // Its answer takes the place of what the dialog shows.
    if (ctx.sourceElement.matches("[data-stay]")) return;
    dialog().close();
  });

  // What opens at the end of a list, "OK, intrekken" for one, comes into sight.
  document.addEventListener("toggle", (event) => {
    if (event.target.matches?.("dialog .confirm[open]")) event.target.scrollIntoView({ block: "nearest" });
  }, true);

  document.addEventListener("close", (event) => {
    if (event.target.id !== "dialog") return;
    body().replaceChildren();
    dialog().setAttribute("aria-labelledby", "dialog-title");
  }, true);
}
