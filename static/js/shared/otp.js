// Phones that read their own SMS offer the code: bound to this site by its last line, it fills the field by itself.
{
  const field = document.querySelector("[data-otp]");

  const fill = (code) => {
    field.value = code;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };

  if (field && "OTPCredential" in window) {
    const waiting = new AbortController();
    field.form.addEventListener("submit", () => waiting.abort());
    navigator.credentials.get({ otp: { transport: ["sms"] }, signal: waiting.signal })
      .then((answer) => answer && fill(answer.code))
      // Refused, too late or sent already: the field is there to type in.
      .catch(() => {});
  }
}
