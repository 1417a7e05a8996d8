// Says that scripts run, so that buttons which need one may be seen.
{
  document.documentElement.classList.add("js");
}
