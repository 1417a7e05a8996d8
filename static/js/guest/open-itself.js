// A remembered browser opens its letter by itself: only once somebody sees the page, never while it is fetched ahead.
{
  const form = document.querySelector('[data-island~="open-itself"]');

  const seen = () => !document.prerendering && document.visibilityState === "visible";

  const open = () => {
    if (!seen() || form.dataset.opened) return;
    form.dataset.opened = "yes";
    form.requestSubmit();
  };

  if (form) {
    // The code in the address is not needed here, and stays in no history.
    history.replaceState(null, "", location.pathname);
    open();
    document.addEventListener("prerenderingchange", open);
    document.addEventListener("visibilitychange", open);
  }
}
