// A new password is judged by the server while it is typed; the answer is a fragment for the line under the field.
{
  const PAUSE = 350;
  let timer = 0;
  let running = null;

  const ask = async (field) => {
    running?.abort();
    running = new AbortController();
    const body = new URLSearchParams({ password: field.value });
    for (const name of ["name", "organisation", "address"]) {
      const other = field.form.elements.namedItem(name);
      if (other) body.set(name, other.value);
    }
    const headers = { "X-CSRF-Token": document.querySelector('meta[name="csrf"]').content };
    try {
      const answer = await fetch(field.dataset.strength, { method: "POST", body, headers, signal: running.signal });
      if (answer.ok) show(field, await answer.text());
    } catch {
      // Offline or overtaken by the next letter: the server judges again when the form is sent.
    }
  };

  const show = (field, html) => {
    const place = document.getElementById(field.dataset.strengthTarget);
    place.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
  };

  document.addEventListener("input", (event) => {
    const form = event.target.form;
    const field = form?.querySelector('[data-island~="strength"]');
    if (!field?.value && event.target !== field) return;
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE, field);
  });
}
