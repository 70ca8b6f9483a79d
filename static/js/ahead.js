// Keys typed ahead. Somebody fast does not wait for an answer: a name, Enter, and the first amount is
// on its way while the sessions are still coming. Such keys wait here, and are typed when the answer
// has put the focus where they belong; otherwise they would end in whatever box has it meanwhile.
//
// For other scripts, `who` being whatever waits (a later one takes over from an earlier one):
//   Remit.ahead.wait(who)   keys wait from now on
//   Remit.ahead.go(who)     the focus is where they belong: they are typed
//   Remit.ahead.drop(who)   it never will be: they are forgotten, and that is said
// Escape, a press of the mouse, a command (Ctrl+K) and a dialog that opened end the waiting as well: the
// person decides where to be.

const TOO_LONG = 10000; // ms after which no answer is expected any more
const TYPED = ["Enter", "Tab", "Backspace", "Delete", "ArrowDown", "ArrowUp", "ArrowLeft", "ArrowRight"];
const FIELDS = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]";

let waiting = null; // who waits
let patience;
const keys = [];

function wait(who) {
  waiting = who;
  clearTimeout(patience);
  patience = setTimeout(forget, TOO_LONG);
}

function go(who) {
  if (waiting !== who) return;
  waiting = null;
  clearTimeout(patience);
  // A key may have to wait in its turn, and with it all that were pressed after it.
  while (keys.length && !waiting) type(keys.shift());
}

function drop(who) {
  if (waiting === who) forget();
}

function forget() {
  waiting = null;
  clearTimeout(patience);
  if (!keys.length) return;
  keys.length = 0;
  globalThis.Remit.announce("The keys pressed meanwhile were not taken.", { now: true });
}

const MODIFIERS = ["Control", "Shift", "Alt", "AltGraph", "Meta", "CapsLock"];

// Ctrl+Enter is no command of its own: it saves what the keys before it typed. (AltGr is Ctrl+Alt.)
function isCommand({ key, ctrlKey, altKey, metaKey }, isText) {
  if (MODIFIERS.includes(key) || isText) return false;
  return metaKey || altKey || (ctrlKey && key !== "Enter");
}

document.addEventListener("keydown", (event) => {
  if (!waiting || !event.isTrusted) return;
  const withAltGr = event.getModifierState("AltGraph");
  const isText = event.key.length === 1 && (withAltGr || !(event.ctrlKey || event.altKey || event.metaKey));
  const elsewhere = event.key === "Escape" || document.querySelector("dialog[open]");
  if (elsewhere || isCommand(event, isText)) forget();
  if (!waiting || event.isComposing || !(isText || TYPED.includes(event.key))) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const { key, shiftKey, ctrlKey } = event;
  keys.push({ key, shiftKey, ctrlKey: ctrlKey && key.length > 1 });
}, true);

document.addEventListener("pointerdown", (event) => { if (event.isTrusted) forget(); }, true);

// ---------------------------------------------------------------- what a key would have done

function type(press) {
  const here = document.activeElement;
  const event = new KeyboardEvent("keydown", { ...press, bubbles: true, cancelable: true });
  if (!here.dispatchEvent(event) || press.ctrlKey) return;
  if (press.key === "Tab") tab(here, press.shiftKey ? -1 : 1);
  else if (press.key === "Enter" && here.matches("button, a[href], summary")) here.click();
  else if (press.key === " " && here.matches("button, summary, [type=checkbox], [type=radio]")) here.click();
  else if (press.key.length === 1 && here.matches("select")) pick(here, press.key);
  else if (press.key.length === 1) document.execCommand("insertText", false, press.key);
  else if (press.key === "Backspace") document.execCommand("delete");
  else if (press.key === "Delete") document.execCommand("forwardDelete");
}

function tab(here, step) {
  const fields = [...document.querySelectorAll(FIELDS)].filter(
    (field) => field === here || (field.tabIndex >= 0 && !field.disabled && field.checkVisibility()),
  );
  const next = fields[fields.indexOf(here) + step];
  next?.focus();
  if (next?.matches("input")) next.select(); // as a browser does
}

function pick(select, letter) {
  const fits = [...select.options].find((option) => option.text.toLowerCase().startsWith(letter.toLowerCase()));
  if (!fits || fits.selected) return;
  select.value = fits.value;
  for (const name of ["input", "change"]) select.dispatchEvent(new Event(name, { bubbles: true }));
}

globalThis.Remit = Object.assign(globalThis.Remit ?? {}, { ahead: { wait, go, drop } });
