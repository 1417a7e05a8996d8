// An answer being written survives when its conversation is drawn anew: after a withdrawal, a resend, an opened letter.
{
  let kept = null;

  const now = () => {
    const field = document.getElementById("reply-body");
    const open = document.querySelector("[data-conversation]");
    return field && open ? { conversation: open.dataset.conversation, body: field.value, typing: document.activeElement === field } : null;
  };

  document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
    kept = ctx.sourceElement?.matches?.("[data-send]") ? null : now();
  });

  document.addEventListener("htmx:after:swap", () => {
    const fresh = now();
    if (!kept?.body || !fresh || fresh.conversation !== kept.conversation || fresh.body === kept.body) return;
    const field = document.getElementById("reply-body");
    field.value = kept.body;
    if (kept.typing) field.focus();
    // The server may know older words: let the draft follow.
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
}
