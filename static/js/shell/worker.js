// The service worker keeps the shell for a page without a network; it never sees a letter twice.
{
  addEventListener("load", () => {
    // Without one, as in a private window, everything works but the offline page.
    navigator.serviceWorker?.register("/sw.js").catch(() => {});
  });
}
