// Menus that stand in <details>: one at a time, closed by Escape or a tap elsewhere, walked with the arrow keys.
{
  const open = () => document.querySelector("details[data-menu][open]");
  const items = (menu) => [...menu.querySelectorAll(".menu-item")];

  const close = (menu, back) => {
    menu.open = false;
    if (back) menu.querySelector("summary").focus();
  };

  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details[data-menu][open]")) {
      const chosen = event.target.closest(".menu-item");
      if (!menu.contains(event.target) || (chosen && menu.contains(chosen))) close(menu, false);
    }
  });

  document.addEventListener("keydown", (event) => {
    const menu = open();
    if (!menu) return;
    if (event.key === "Escape") {
      close(menu, true);
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const all = items(menu);
    const at = all.indexOf(document.activeElement);
    all.at(at < 0 && step < 0 ? -1 : (at + step) % all.length)?.focus();
  });
}
