// A page out of the back/forward cache may show a letter that was taken back meanwhile: hide it and ask the server.
{
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    document.documentElement.hidden = true;
    location.reload();
  });
}
