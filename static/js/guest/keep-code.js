// Copy, save and print the recovery code. The file is made in the page; nothing is asked of the server again.
{
  const sheet = document.getElementById("code-sheet");

  const said = (button) => {
    const word = button.querySelector("span");
    const before = word.textContent;
    word.textContent = button.dataset.done;
    document.getElementById("keep-status").textContent = button.dataset.done;
    setTimeout(() => { word.textContent = before; }, 2500);
  };

  const selectCode = () => getSelection().selectAllChildren(sheet.querySelector(".code-groups"));

  const copy = async (button) => {
    try {
      await navigator.clipboard.writeText(sheet.dataset.code);
      said(button);
    } catch {
      // No right to the clipboard: leave the code selected, so that one key copies it.
      selectCode();
    }
  };

  const save = (button) => {
    const text = `${sheet.dataset.fileHead}\r\n\r\n${sheet.dataset.code}\r\n`;
    const url = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
    const link = Object.assign(document.createElement("a"), { href: url, download: sheet.dataset.file });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
    said(button);
  };

  const keep = { copy, save, print: () => print() };

  if (sheet) {
    document.addEventListener("click", (event) => {
      const button = event.target.closest("[data-keep]");
      if (button) keep[button.dataset.keep](button);
    });
  }
}
