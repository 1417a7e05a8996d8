// Copy, save and print what is shown once: codes, a key. The file is made in the page; nothing is asked of the server.
{
  const sheetOf = (button) => document.getElementById(button.dataset.keepFrom ?? "code-sheet");

  const said = (button) => {
    const word = button.querySelector("span");
    const before = word.textContent;
    word.textContent = button.dataset.done;
    const status = document.getElementById("keep-status");
    if (status) status.textContent = button.dataset.done;
    setTimeout(() => { word.textContent = before; }, 2500);
  };

  // No right to the clipboard: leave the code selected, so that one key copies it.
  const select = (sheet) => getSelection().selectAllChildren(sheet.querySelector("[data-keep-text], .code-groups") ?? sheet);

  const copy = async (button) => {
    const sheet = sheetOf(button);
    try {
      await navigator.clipboard.writeText(sheet.dataset.code);
      said(button);
    } catch {
      const folded = sheet.closest("details");
      if (folded) folded.open = true;
      select(sheet);
    }
  };

  const save = (button) => {
    const sheet = sheetOf(button);
    const text = `${sheet.dataset.fileHead}\n\n${sheet.dataset.code}\n`.replace(/\r?\n/g, "\r\n");
    const url = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
    const link = Object.assign(document.createElement("a"), { href: url, download: sheet.dataset.file });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
    said(button);
  };

  const keep = { copy, save, print: () => print() };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-keep]");
    if (button) keep[button.dataset.keep](button);
  });
}
