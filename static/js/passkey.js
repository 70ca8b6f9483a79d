// Passkeys: the browser asks its owner for a fingerprint, a PIN or a key, and the form sends what
// comes of it. Codes work without this file.
//
//   form[data-passkey]   "create" adds a passkey, "get" uses one; options are in #passkey-options.
//                        Its button is disabled until this script is here

const READ = {
  create: (options) => PublicKeyCredential.parseCreationOptionsFromJSON(options),
  get: (options) => PublicKeyCredential.parseRequestOptionsFromJSON(options),
};

async function ask(form) {
  const how = form.dataset.passkey;
  const data = JSON.parse(form.querySelector("#passkey-options").textContent);
  const { publicKey } = data.creation_options ?? data.request_options;
  const credential = await navigator.credentials[how]({ publicKey: READ[how](publicKey) });
  form.elements.credential.value = JSON.stringify(credential.toJSON());
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-passkey]")) return;
  event.preventDefault();
  const failed = form.querySelector("[data-passkey-failed]");
  failed.hidden = true;
  try {
    await ask(form);
    form.submit();
  } catch {
    failed.hidden = false; // refused by its owner, timed out, or not known to this browser
  }
});

for (const button of document.querySelectorAll("[data-passkey] [type=submit]")) button.disabled = false;
