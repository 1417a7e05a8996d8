// The list of time zones offers the device's own, when it is another than the one chosen.
{
  const field = document.querySelector('[data-island~="zone"]');
  const offer = document.getElementById("zone-offer");
  const own = field && Intl.DateTimeFormat().resolvedOptions().timeZone;
  // Browsers know some places by older names (Asia/Calcutta): those are not in the list, and nothing is offered.
  const option = own && [...field.options].find((one) => one.value === own);

  const show = () => {
    offer.hidden = field.value === own;
  };

  if (option) {
    const button = offer.querySelector("button");
    button.textContent = option.textContent;
    button.addEventListener("click", () => {
      field.value = own;
      field.focus();
      show();
    });
    field.addEventListener("change", show);
    show();
  }
}
