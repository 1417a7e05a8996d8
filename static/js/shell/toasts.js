// A toast leaves after six seconds, unless somebody is on it or it offers something to do, and is said once.
{
  const STAYS = 6_000;

  const leave = (toast) => {
    if (toast.matches(":hover, :focus-within") || toast.querySelector("a")) return;
    toast.remove();
  };

  const start = () => {
    for (const toast of document.querySelectorAll("[data-toast]:not([data-timed])")) {
      toast.dataset.timed = "";
      setTimeout(leave, STAYS, toast);
    }
  };

  document.addEventListener("click", (event) => event.target.closest("[data-toast-close]")?.closest("[data-toast]").remove());
  document.addEventListener("htmx:after:swap", start);
  start();

  // Said once: neither a reload nor the way back says it again.
  const address = new URL(location.href);
  if (address.searchParams.has("done") && document.querySelector("[data-toast]")) {
    address.searchParams.delete("done");
    history.replaceState(history.state, "", address);
  }
}
