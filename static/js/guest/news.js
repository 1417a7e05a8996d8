// An open letter asks now and then whether it may still be read: one that was taken back is gone within 20 seconds.
{
  const EVERY = 20_000;
  const place = document.querySelector('[data-island~="guest-news"]');
  let asking = false;

  const writing = () => document.querySelector(".guest-reply textarea")?.value.trim();

  const ask = async () => {
    if (asking || document.hidden) return;
    asking = true;
    try {
      const answer = await fetch(location.pathname, { headers: { "X-News": place.dataset.mark } });
      if (answer.status === 204) return;
      if (answer.status === 429 || answer.status >= 500) return;
      // Something changed. The letters go at once; the reader's own unsent words are never thrown away.
      if (writing()) replaceLetters(answer.redirected ? "" : await answer.text());
      else location.replace(location.pathname);
    } catch {
      // Offline: ask again later.
    } finally {
      asking = false;
    }
  };

  const replaceLetters = (html) => {
    const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("letters");
    place.replaceChildren(...(fresh?.childNodes ?? []));
    place.dataset.mark = fresh?.dataset.mark ?? "";
  };

  if (place?.dataset.mark) {
    setInterval(ask, EVERY);
    document.addEventListener("visibilitychange", ask);
  }
}
