// A field that is being mended is no longer told that it is wrong; whether it is right, sending says.
{
  const mend = (field) => {
    if (field?.getAttribute?.("aria-invalid") !== "true") return;
    const told = (field.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id.endsWith("-error"));
    for (const id of told) document.getElementById(id)?.remove();
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-describedby");
  };

  document.addEventListener("input", (event) => mend(event.target));
  document.addEventListener("recipients", () => mend(document.getElementById("to")));
}
