// A new code may be asked for after a while: the button waits visibly. Whether it may, the server decides.
{
  const spell = (left) => `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;

  const start = (form) => {
    const wait = form.querySelector("[data-resend-wait]");
    const ready = form.querySelector("[data-resend-ready]");
    const end = Date.now() + Number(form.dataset.seconds) * 1000;
    const tick = () => {
      const left = Math.max(0, Math.ceil((end - Date.now()) / 1000));
      form.querySelector("[data-resend-clock]").textContent = spell(left);
      wait.hidden = left === 0;
      ready.hidden = left > 0;
      if (left === 0) clearInterval(timer);
    };
    const timer = setInterval(tick, 1000);
    tick();
  };

  const arrive = () => {
    for (const form of document.querySelectorAll('[data-island~="resend"]:not([data-counting])')) {
      form.dataset.counting = "yes";
      start(form);
    }
  };

  arrive();
  document.addEventListener("htmx:after:swap", arrive);
}
