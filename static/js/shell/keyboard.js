// The keys that mail users know: j and k along the list, c to write, r to answer, ? for this list.
{
  const typing = (target) => target.closest("input, textarea, select, [contenteditable]");

  const step = (by) => {
    const rows = [...document.querySelectorAll("[data-row]")];
    if (!rows.length) return;
    const here = rows.indexOf(document.activeElement.closest("[data-row]"));
    const from = here < 0 ? rows.findIndex((row) => row.ariaCurrent === "true") : here;
    const to = Math.min(Math.max(from + by, 0), rows.length - 1);
    rows[to].focus();
    rows[to].scrollIntoView({ block: "nearest" });
  };

  const acts = {
    j: () => step(1),
    k: () => step(-1),
    c: () => document.querySelector('[data-key="c"]')?.click(),
    r: () => document.querySelector('[data-key="r"]')?.click(),
    "?": () => document.getElementById("keys").showModal(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  // The link to the answer puts the caret into its field, also where it is already in sight.
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href="#reply-body"]');
    if (!link) return;
    event.preventDefault();
    const field = document.getElementById("reply-body");
    field?.focus();
    field?.scrollIntoView({ block: "nearest" });
  });
}
