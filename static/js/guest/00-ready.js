// Says that scripts run, so that buttons which need one may be seen; and hides a letter that the back button brings back unasked.
{
  document.documentElement.classList.add("js");

  // A page out of the back/forward cache may show a letter that was taken back meanwhile: ask the server instead.
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    document.body.hidden = true;
    location.reload();
  });
}
