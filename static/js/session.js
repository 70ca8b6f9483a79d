// A sign-in ends when nobody has been at the desk for some minutes (config/sessions.py). This file
// says so a little before, and keeps what was typed: whoever types stays signed in, and when the
// time is over the page is covered, not left; after signing in again it is as it was.
// Without this file the next click leads to sign-in, and from there back.
//
//   body[data-left]   seconds until this sign-in ends if nobody does anything
//   body[data-user]   who is signed in; a page is never uncovered for somebody else
//
// Other scripts call Remit.lookWhoIsSignedIn() where an answer makes them doubt it, and
// Remit.askWhetherThere() before they leave the page: "there", "away", or "signed out" (then the page
// is covered). Either gives the page's forms the token that holds now.

const WARN = 120; // seconds before the end
const ASK_EVERY = 60; // the server notes once a minute that somebody is there
const { left, user } = document.body.dataset;

const find = (selector) => document.querySelector(selector);
const seconds = () => Date.now() / 1000;

let endsAt = seconds() + Number(left);
let askedAt = seconds();
let acted = false;
let covered = false;
let waiting = false;

for (const type of ["keydown", "pointerdown", "input", "wheel"]) {
  addEventListener(type, () => { acted = true; }, { capture: true, passive: true });
}

// What the server says of this sign-in, or null when it is over. `passive` asks without prolonging.
async function ask({ passive }) {
  const answer = await fetch("/accounts/session/", {
    method: passive ? "GET" : "POST",
    headers: passive ? { "X-Passive": "1" } : { "X-CSRFToken": token() },
    redirect: "manual",
    cache: "no-store",
    signal: AbortSignal.timeout(15000),
  });
  if (answer.type === "opaqueredirect" || answer.status === 403) return null;
  if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
  return answer.json();
}

const token = () => JSON.parse(document.body.getAttribute("hx-headers"))["x-csrftoken"];

async function look(how) {
  if (waiting) return;
  waiting = true;
  askedAt = seconds();
  try {
    heed(await ask(how));
  } catch {
    // No answer is not the end: the network may be away for a moment.
  } finally {
    waiting = false;
  }
}

async function askWhetherThere() {
  try {
    const state = await ask({ passive: true });
    heed(state);
    return state?.user === user ? "there" : "signed out";
  } catch {
    return "away";
  }
}

function heed(state) {
  if (!state) return cover();
  if (state.user !== user) return location.reload();
  endsAt = seconds() + state.left;
  renew(state.token);
  if (covered) uncover();
  else if (state.left > WARN) close();
  else if (!isOpen()) open("#leaving-soon");
}

setInterval(() => {
  if (covered || waiting) return;
  const rest = endsAt - seconds();
  if (rest <= 0) {
    if (seconds() - askedAt > 5) look({ passive: true });
  } else if (acted && !isOpen() && (seconds() - askedAt > ASK_EVERY || rest < WARN)) {
    acted = false;
    look({ passive: false });
  } else if (rest < WARN && !isOpen() && seconds() - askedAt > 5) {
    look({ passive: true }); // somebody may be busy in another tab
  }
}, 1000);

globalThis.Remit = Object.assign(globalThis.Remit ?? {}, {
  lookWhoIsSignedIn: () => look({ passive: true }),
  askWhetherThere,
});

// Coming back to a covered page after signing in elsewhere, or to one that slept.
addEventListener("focus", () => { if (covered || endsAt < seconds()) look({ passive: true }); });
addEventListener("visibilitychange", () => {
  if (!document.hidden && (covered || endsAt < seconds())) look({ passive: true });
});

// ---------------------------------------------------------------- the dialog

const dialog = () => find("#leaving");
const isOpen = () => dialog().open;

function open(words) {
  dialog().replaceChildren(find(words).content.cloneNode(true));
  if (!isOpen()) dialog().showModal();
  find("#leaving [autofocus]").focus();
}

const close = () => dialog().close(); // app.js empties it

function cover() {
  if (covered) return;
  covered = true;
  document.body.classList.add("covered");
  open("#leaving-over");
}

function uncover() {
  covered = false;
  document.body.classList.remove("covered");
  close();
  globalThis.Remit?.announce("You are signed in again. Nothing that was typed is lost.");
  document.dispatchEvent(new Event("signed-in-again"));
}

// The forms of this page may carry the token of a sign-in that is over.
function renew(fresh) {
  document.body.setAttribute("hx-headers", JSON.stringify({ "x-csrftoken": fresh }));
  for (const box of document.querySelectorAll("[name=csrfmiddlewaretoken]")) box.value = fresh;
}

// Escape means "I am here"; a covered page has nothing to go back to.
addEventListener("cancel", (event) => {
  if (event.target !== dialog()) return;
  event.preventDefault();
  if (!covered) look({ passive: false });
}, true);

addEventListener("click", (event) => {
  if (event.target.closest?.("[data-stay-signed-in]")) look({ passive: false });
});
