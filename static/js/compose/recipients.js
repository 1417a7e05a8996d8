// Recipients as chips: Enter, comma, semicolon or leaving the field makes one; a pasted list makes many; Backspace takes the last.
{
  const field = () => document.getElementById("to");
  const chips = () => document.getElementById("chips");
  const list = () => document.getElementById("suggestions");
  const changed = () => field().form.dispatchEvent(new CustomEvent("recipients", { bubbles: true }));

  // Without script the field holds all addresses. Here the chips do, and the field takes the next one.
  const takeOver = () => {
    const box = chips();
    if (!box?.hidden) return;
    for (const input of box.querySelectorAll("input")) input.disabled = false;
    box.hidden = false;
    field().value = field().dataset.entry;
    for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-expanded", "false"], ["aria-controls", "suggestions"]]) {
      field().setAttribute(name, value);
    }
    if (!box.children.length) field().focus();
  };

  // The request is told what is being typed under the name the server asks for.
  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
    if (ctx.sourceElement?.dataset?.check) ctx.request.body.set("who", ctx.sourceElement.dataset.check);
    if (!["entry", "suggest"].includes(ctx.sourceElement?.id)) return;
    ctx.request.body.set("entry", ctx.sourceElement.dataset.typed ?? "");
  });

  let adding = 0;
  let sendAfter = null;
  let pause;

  const add = (text) => {
    clearTimeout(pause);
    const typed = text.trim().replace(/[,;]+$/, "");
    if (!typed) return;
    adding += 1;
    const place = document.getElementById("entry");
    place.dataset.typed = typed;
    field().value = "";
    hide();
    htmx.trigger(place, "chip");
  };

  // Whoever clicks Verzenden right after an address means that address as well. On the window: before the islands that
  // count the form as sent.
  addEventListener("submit", (event) => {
    if (!adding || event.target !== field()?.form) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    sendAfter = { form: event.target, submitter: event.submitter };
  }, true);

  document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
    if (ctx.sourceElement?.id !== "entry") return;
    adding = Math.max(0, adding - 1);
    const failed = !(ctx.response?.status < 400);
    if (failed) field().value = [ctx.sourceElement.dataset.typed, field().value].filter(Boolean).join(", ");
    const send = sendAfter;
    sendAfter = null;
    if (send && !failed) send.form.requestSubmit(send.submitter ?? undefined);
  });

  const remove = (chip) => {
    chip?.remove();
    field().focus();
    changed();
  };

  const hide = () => {
    list().hidden = true;
    list().replaceChildren();
    field().setAttribute("aria-expanded", "false");
    field().removeAttribute("aria-activedescendant");
  };

  const choose = (by) => {
    const all = [...list().children];
    const at = all.findIndex((option) => option.ariaSelected === "true");
    const to = (at + by + all.length) % all.length;
    for (const option of all) option.setAttribute("aria-selected", String(option === all[to]));
    field().setAttribute("aria-activedescendant", all[to].id);
    all[to].scrollIntoView({ block: "nearest" });
  };

  const chosen = () => list().querySelector('[aria-selected="true"]');

  const keys = {
    Enter: () => add(chosen()?.dataset.address ?? field().value),
    ",": () => add(field().value),
    ";": () => add(field().value),
    ArrowDown: () => list().children.length && choose(1),
    ArrowUp: () => list().children.length && choose(-1),
  };

  document.addEventListener("keydown", (event) => {
    if (event.target !== field() || event.isComposing || event.ctrlKey || event.metaKey) return;
    if (event.key === "Backspace" && !field().value) remove(chips().lastElementChild);
    else if (event.key === "Escape" && !list().hidden) { event.stopPropagation(); hide(); }
    else if (event.key === "Enter" || (event.key in keys && field().value)) { event.preventDefault(); keys[event.key](); }
  });

  document.addEventListener("input", (event) => {
    if (event.target !== field()) return;
    clearTimeout(pause);
    const typed = field().value.trim();
    if (/[,;\n]/.test(typed)) { add(typed); return; }
    if (typed.length < 2) { hide(); return; }
    pause = setTimeout(() => {
      document.getElementById("suggest").dataset.typed = typed;
      htmx.trigger(document.getElementById("suggest"), "suggest");
    }, 200);
  });

  document.addEventListener("focusout", (event) => {
    if (event.target !== field() || event.relatedTarget?.closest("#suggestions")) return;
    add(field().value);
    hide();
  });

  // Before the field loses the focus, or the half-typed name would become a chip of its own.
  document.addEventListener("pointerdown", (event) => {
    const option = event.target.closest("#suggestions [data-address]");
    if (!option) return;
    event.preventDefault();
    add(option.dataset.address);
  });

  document.addEventListener("click", (event) => {
    const gone = event.target.closest("[data-recipient-remove]");
    if (gone) {
      gone.closest("dialog")?.close();
      remove(chips()?.querySelector(`[data-chip="${CSS.escape(gone.dataset.recipientRemove)}"]`));
    }
    const button = event.target.closest("[data-chip-remove]");
    if (button) remove(button.closest("[data-chip]"));
    else if (event.target.closest(".recipients-box") && !event.target.closest("[data-chip]")) field().focus();
  });

  document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
    takeOver();
    // Chips that came just now, or came back with another check.
    if (chips() && !chips().hidden) for (const input of chips().querySelectorAll("input:disabled")) input.disabled = false;
    if (ctx.sourceElement?.id === "entry") changed();
    if (ctx.sourceElement?.id === "suggest") {
      // What they were for may have become a chip meanwhile.
      const asked = field().value.trim() === ctx.sourceElement.dataset.typed;
      const any = asked && list().children.length > 0 && document.activeElement === field();
      list().hidden = !any;
      field().setAttribute("aria-expanded", String(any));
    }
  });

  // The field gives its line back once it is left. Until the press that left it is over, everything stays where it is, or
  // what is pressed would move away from under the finger.
  document.addEventListener("pointerdown", () => {
    if (document.activeElement === field()) document.getElementById("entry").classList.add("held");
  }, true);
  for (const over of ["pointerup", "pointercancel"]) {
    document.addEventListener(over, () => setTimeout(() => document.getElementById("entry")?.classList.remove("held")), true);
  }

  // What opens at the foot of the page comes into sight.
  document.addEventListener("toggle", (event) => {
    if (event.target.matches?.(".composer-options[open]")) event.target.scrollIntoView({ block: "end" });
  }, true);

  takeOver();
}
