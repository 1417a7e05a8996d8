// The message code: groups of four while typing, a whole link may be pasted, the caret stays where it was.
{
  const LETTERS = /[^0-9A-Z]/g;
  const clean = (text) => text.slice(text.lastIndexOf("#") + 1).toUpperCase().replace(LETTERS, "");
  const grouped = (raw) => raw.replace(/(.{4})(?=.)/g, "$1 ");

  const caretAfter = (text, count) => {
    let at = 0;
    for (let seen = 0; at < text.length && seen < count; at += 1) if (text[at] !== " ") seen += 1;
    return at;
  };

  const regroup = (field) => {
    const before = clean(field.value.slice(0, field.selectionStart)).length;
    const raw = clean(field.value);
    const text = grouped(raw);
    if (text === field.value) return raw;
    const atEnd = field.selectionStart === field.value.length;
    field.value = text;
    const caret = atEnd ? text.length : caretAfter(text, before);
    if (document.activeElement === field) field.setSelectionRange(caret, caret);
    return raw;
  };

  const complete = (field, raw) => raw.length === Number(field.dataset.groups) * 4;

  const showFilled = (field, filled) => {
    const form = field.form;
    field.closest("[data-code-box]").classList.toggle("code-filled", filled);
    for (const hint of form.querySelectorAll("[data-when-filled]")) hint.hidden = !filled;
    for (const hint of form.querySelectorAll("[data-when-typed]")) hint.hidden = filled;
    const names = (field.getAttribute("aria-describedby") ?? "").split(" ");
    const hint = filled ? "code-filled-hint" : "code-hint";
    field.setAttribute("aria-describedby", [hint, ...names.filter((name) => !name.endsWith("hint"))].join(" ").trim());
  };

  // The part after # never went to the server. It leaves the address bar, and with it the history, at once.
  const takeFragment = () => {
    const fragment = location.hash.slice(1);
    if (fragment.length < 20) return "";
    history.replaceState(null, "", location.pathname + location.search);
    return fragment;
  };

  const field = document.querySelector('[data-island~="code"]');
  if (field) {
    const arrive = () => {
      const code = clean(takeFragment());
      if (!code) return;
      field.value = grouped(code);
      field.removeAttribute("aria-invalid");
      showFilled(field, complete(field, code));
    };
    regroup(field);
    // What was refused stands there to be mended: at its end, where one goes on typing.
    if (document.activeElement === field) field.setSelectionRange(field.value.length, field.value.length);
    arrive();
    addEventListener("hashchange", arrive);
    field.addEventListener("input", (event) => {
      showFilled(field, false);
      if (!event.isComposing) regroup(field);
    });
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      field.form.requestSubmit();
    });
  }

  const token = document.querySelector('[data-island~="token"]');
  if (token) {
    const arrive = () => {
      const value = takeFragment();
      if (!value) return;
      token.value = value;
      token.removeAttribute("aria-invalid");
      token.closest("[data-code-box]").classList.add("code-filled");
      for (const hint of token.form.querySelectorAll("[data-when-filled]")) hint.hidden = false;
      for (const hint of token.form.querySelectorAll("[data-when-typed]")) hint.hidden = true;
      token.setAttribute("aria-describedby", "token-filled-hint");
    };
    arrive();
    addEventListener("hashchange", arrive);
  }

  // A change of language is a POST that comes back to this page: the fragment rides along and the server never sees it.
  document.addEventListener("submit", (event) => {
    const form = event.target.closest('[data-island~="language"]');
    const typed = field?.value.replaceAll(" ", "") || token?.value;
    if (!form || !typed) return;
    form.action = `${form.action.split("#")[0]}#${typed}`;
  });
}
