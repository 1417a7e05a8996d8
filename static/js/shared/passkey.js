// Passkeys: the server's options go to the browser, the browser's answer goes back. Secrets of PRF travel by themselves.
{
  // Over a page whose session ended, the dialog brings a newer token than the page has.
  const csrf = (element) => element.closest("[data-login-place]")?.querySelector("input[name=csrf_token]")?.value
    ?? document.querySelector('meta[name="csrf"]').content;
  const supported = () => "PublicKeyCredential" in window && !!navigator.credentials;

  // --- base64url, for browsers that do not convert by themselves ---

  const fromText = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
  const toText = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  const listed = (credentials) => credentials?.map((one) => ({ ...one, id: fromText(one.id) }));

  const extensionsFrom = (extensions) => {
    const first = extensions?.prf?.eval?.first;
    return first ? { ...extensions, prf: { eval: { first: fromText(first) } } } : extensions;
  };

  const optionsFor = {
    create: (json) => PublicKeyCredential.parseCreationOptionsFromJSON?.(json) ?? {
      ...json,
      challenge: fromText(json.challenge),
      user: { ...json.user, id: fromText(json.user.id) },
      excludeCredentials: listed(json.excludeCredentials),
      extensions: extensionsFrom(json.extensions),
    },
    get: (json) => PublicKeyCredential.parseRequestOptionsFromJSON?.(json) ?? {
      ...json,
      challenge: fromText(json.challenge),
      allowCredentials: listed(json.allowCredentials),
      extensions: extensionsFrom(json.extensions),
    },
  };

  const responseToJson = (response) => {
    const names = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
    const found = names.filter((name) => response[name]).map((name) => [name, toText(response[name])]);
    return { ...Object.fromEntries(found), transports: response.getTransports?.() };
  };

  const byHand = (credential) => ({
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    response: responseToJson(credential.response),
    clientExtensionResults: {},
  });

  const toJson = (credential) => {
    const json = credential.toJSON?.() ?? byHand(credential);
    const results = credential.getClientExtensionResults();
    // The conversion writes the secret itself into the answer, where every log of bodies would keep it.
    json.clientExtensionResults = { ...json.clientExtensionResults };
    if (results.prf) json.clientExtensionResults.prf = { enabled: results.prf.enabled };
    return json;
  };

  const secretOf = (credential) => credential.getClientExtensionResults().prf?.results?.first;

  // --- the server ---

  const post = async (element, url, body) => {
    const headers = { "Content-Type": "application/json", "Accept": "application/json", "X-CSRF-Token": csrf(element) };
    const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body ?? {}) });
    const json = await answer.json().catch(() => ({}));
    if (!answer.ok || json.error) throw new Refused(json.error);
    return json;
  };

  class Refused extends Error {}

  // --- what is told ---

  const place = (element) => document.getElementById(element.dataset.passkeyStatus ?? "passkey-status");

  const tell = (element, name, sentence) => {
    const spot = place(element);
    if (!spot) return;
    spot.replaceChildren(document.getElementById(`passkey-words-${name}`).content.cloneNode(true));
    if (sentence) spot.querySelector("[data-sentence]").textContent = sentence;
  };

  const reasonOf = (error) => {
    if (error instanceof Refused) return "refused";
    if (error instanceof TypeError) return "offline";
    return { NotAllowedError: "cancelled", AbortError: "cancelled", InvalidStateError: "known" }[error.name] ?? "unsupported";
  };

  const explain = (element, error) => {
    const sentence = error instanceof Refused ? error.message : "";
    tell(element, sentence ? "refused" : reasonOf(error) === "refused" ? "failed" : reasonOf(error), sentence);
  };

  // --- the ceremony ---

  let background = null;

  const ask = async (kind, json, more = {}) => {
    const publicKey = optionsFor[kind](json.publicKey ?? json);
    const credential = await navigator.credentials[kind]({ publicKey, ...more });
    if (!credential) throw new DOMException("", "NotAllowedError");
    return credential;
  };

  // Many authenticators give no PRF result on creation: ask the new one at once, for the same secret.
  const secretAfterwards = async (element, credential) => {
    const enabled = credential.getClientExtensionResults().prf?.enabled;
    const url = element.dataset.passkeyAssert;
    if (!enabled || secretOf(credential) || !url) return null;
    return ask("get", await post(element, url, { id: credential.id }));
  };

  // Only what is marked rides along: a form around the button may hold a password.
  const fields = (element) => {
    const marked = [...(element.closest("form") ?? document).querySelectorAll("[data-passkey-field]")];
    return Object.fromEntries(marked.map((one) => [one.name, one.type === "checkbox" ? one.checked : one.value]));
  };

  const bodyOf = (element, credential, proof) => {
    const secret = secretOf(proof ?? credential) ?? secretOf(credential);
    const body = { fields: fields(element), credential: toJson(credential) };
    if (proof) body.assertion = toJson(proof);
    if (secret) body.prf = toText(secret);
    return body;
  };

  // On to a page; back to the page under the dialog; to the form around the button; or first to show who is there.
  const leave = (element, answer) => {
    if (answer.renewed) document.dispatchEvent(new CustomEvent("session-renewed", { detail: answer.renewed }));
    else if (answer.submit) element.closest("form").requestSubmit();
    else if (answer.prove) location.assign(`${answer.prove}?next=${encodeURIComponent(location.pathname + location.search)}`);
    else location.assign(answer.next);
  };

  const run = async (element, more = {}) => {
    const kind = element.dataset.passkey;
    const options = await post(element, element.dataset.passkeyOptions, { ...fields(element), fields: fields(element) });
    if (options.prove || options.next) return leave(element, options);
    const credential = await ask(kind, options, more);
    const proof = kind === "create" ? await secretAfterwards(element, credential) : null;
    return leave(element, await post(element, element.dataset.passkeyFinish, bodyOf(element, credential, proof)));
  };

  const press = async (element) => {
    if (element.getAttribute("aria-busy") === "true") return;
    background?.abort();
    element.setAttribute("aria-busy", "true");
    place(element)?.replaceChildren();
    try {
      await run(element);
    } catch (error) {
      explain(element, error);
      element.removeAttribute("aria-busy");
    }
  };

  document.addEventListener("click", (event) => {
    const element = event.target.closest("[data-passkey]");
    if (!element) return;
    event.preventDefault();
    if (supported()) press(element);
    else tell(element, "unsupported");
  });

  // --- in the list of names that the browser offers at the address field ---

  const offer = async (element) => {
    if (!supported() || !(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
    background = new AbortController();
    try {
      await run(element, { mediation: "conditional", signal: background.signal });
    } catch (error) {
      // Nobody pressed anything: only what the server refused is worth a word.
      if (error instanceof Refused) explain(element, error);
    }
  };

  const offered = document.querySelector("[data-passkey-conditional]");
  if (offered) offer(offered);
}
