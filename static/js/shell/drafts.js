// What is being written is kept as a draft: 800 ms after the last key, and at once when the page goes out of sight.
{
  const PAUSE = 800;
  const timers = new WeakMap();
  const dirty = new WeakSet();
  const underway = new WeakSet();
  const failed = new WeakSet();
  const sendAfter = new WeakMap();
  // Chosen since the last save began: the answer to that save does not know it yet.
  const apart = new WeakMap();
  let leaveFor = null;

  const formOf = (element) => element?.closest?.("[data-draft]");
  const state = (form) => form.querySelector("#saved");
  const unsaved = (form) => {
    const place = state(form)?.querySelector("[data-saved]");
    if (place) place.textContent = document.getElementById("words-unsaved").content.textContent;
  };

  const keep = (form) => {
    clearTimeout(timers.get(form));
    timers.delete(form);
    if (!dirty.has(form) || underway.has(form) || !form.isConnected) return;
    dirty.delete(form);
    apart.delete(form);
    underway.add(form);
    htmx.trigger(state(form), "keep");
  };

  const later = (form, pause = PAUSE) => {
    dirty.add(form);
    clearTimeout(timers.get(form));
    timers.set(form, setTimeout(keep, pause, form));
  };

  document.addEventListener("input", (event) => {
    const form = formOf(event.target);
    if (form && event.target.name === "apart") apart.set(form, event.target.checked);
    if (form && event.target.id !== "to") later(form);
  });
  const chooseAgain = (form) => {
    const field = form.elements.namedItem("apart");
    if (field && apart.has(form)) field.checked = apart.get(form);
  };
  // The chips changed: the secure bar waits for the answer.
  document.addEventListener("recipients", (event) => later(event.target, 50));
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) return;
    for (const form of document.querySelectorAll("[data-draft]")) keep(form);
  });

  // A form in the dialog writes into the same draft: it waits for a save that is under way, and the next one for it.
  const beside = (element) => (element?.matches?.("[data-beside-draft]") ? document.querySelector("[data-draft]") : null);

  document.addEventListener("submit", (event) => {
    const form = beside(event.target);
    if (!form) return;
    if (underway.has(form)) {
      event.preventDefault();
      event.stopImmediatePropagation();
      sendAfter.set(form, { requestSubmit: () => event.target.requestSubmit() });
      return;
    }
    clearTimeout(timers.get(form));
    underway.add(form);
  }, true);

  // Before its answer takes the place of that form, or when there was none.
  for (const name of ["htmx:after:request", "htmx:finally:request"]) {
    document.addEventListener(name, ({ detail: { ctx } }) => {
      const form = beside(ctx.sourceElement);
      if (!form) return;
      underway.delete(form);
      chooseAgain(form);
      if (dirty.has(form)) later(form);
    });
  }

  // Sending waits for a save that is under way: otherwise both would race for the same draft.
  document.addEventListener("submit", (event) => {
    const form = formOf(event.target);
    if (!form) return;
    clearTimeout(timers.get(form));
    dirty.delete(form);
    if (!underway.has(form)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const submitter = event.submitter;
    sendAfter.set(form, { requestSubmit: () => form.requestSubmit(submitter ?? undefined) });
  }, true);

  document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
    const form = ctx.sourceElement?.id === "saved" ? formOf(ctx.sourceElement) ?? formOf(state(document)) : null;
    if (!form) return;
    underway.delete(form);
    chooseAgain(form);
    const kept = ctx.response?.status < 300;
    if (kept) failed.delete(form);
    else {
      failed.add(form);
      unsaved(form);
      // Another tab's words are in the way: only the writer can say which text stays.
      if (ctx.response?.status !== 409) dirty.add(form);
    }
    if (leaveFor && kept) {
      location.assign(leaveFor);
      return;
    }
    leaveFor = null;
    if (sendAfter.has(form)) {
      const waiting = sendAfter.get(form);
      sendAfter.delete(form);
      waiting.requestSubmit();
    } else if (dirty.has(form)) later(form, PAUSE * 4);
  });

  // A send that failed leaves its words unsaved: go on keeping them.
  document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
    const form = ctx.sourceElement;
    if (form?.matches?.("[data-draft]") && form.isConnected && !(ctx.response?.status < 400)) later(form, PAUSE * 4);
  });

  addEventListener("online", () => {
    for (const form of document.querySelectorAll("[data-draft]")) keep(form);
  });

  // Two tabs: keeping mine writes over what the other tab kept, knowingly.
  document.addEventListener("click", (event) => {
    const mine = event.target.closest("[data-keep-mine]");
    if (!mine) return;
    const form = formOf(mine) ?? document.querySelector("[data-draft]");
    form.querySelector('input[name="revision"]').value = mine.dataset.keepMine;
    if (mine.dataset.newKey) form.querySelector('input[name="key"]').value = mine.dataset.newKey;
    mine.closest(".notice").remove();
    later(form, 0);
  });

  // Leaving by our own buttons waits for the save, so that the list of drafts is right.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-leave], [data-back]");
    const form = document.querySelector("[data-draft]");
    if (!link || !form || !(dirty.has(form) || underway.has(form)) || failed.has(form)) return;
    event.preventDefault();
    leaveFor = link.href;
    keep(form);
  });

  // Another conversation is about to take the place of an answer that is not kept yet.
  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
    const form = document.querySelector("#conversation [data-draft]");
    if (form && ctx.target?.id === "conversation" && !form.contains(ctx.sourceElement)) keep(form);
  });

  addEventListener("beforeunload", (event) => {
    for (const form of document.querySelectorAll("[data-draft]")) {
      if (failed.has(form) && !form.dataset.sent) event.preventDefault();
    }
  });
}
