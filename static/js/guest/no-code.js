// A link with its code that leads to a page without a field for it, because the letter is open already: the code leaves
// the address bar there too, and with it the history.
{
  const leave = () => {
    if (location.hash.length < 20 || document.querySelector('[data-island~="code"], [data-island~="token"]')) return;
    history.replaceState(null, "", location.pathname + location.search);
  };

  leave();
  addEventListener("hashchange", leave);
}
