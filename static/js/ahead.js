// Keys typed ahead. Somebody fast does not wait for an answer: a name, Enter, and the first amount is
// on its way while the sessions are still coming. Such keys wait here, and are typed when the answer
// has put the focus where they belong; otherwise they would end in whatever box has it meanwhile.
//
// For other scripts, `who` being whatever waits (a later one takes over from an earlier one):
//   Remit.ahead.wait(who)   keys wait from now on
//   Remit.ahead.go(who)     the focus is where they belong: they are typed
//   Remit.ahead.drop(who)   it never will be: they are forgotten, and that is said
// Escape, and a press of the mouse, end the waiting as well: the person decides where to be.

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

// Of the keys with Ctrl only Ctrl+Enter waits: it saves what the others typed.
const waits = (event) => {
  const isText = event.key.length === 1 && (!(event.ctrlKey || event.altKey) || event.getModifierState("AltGraph"));
  return !event.metaKey && !event.isComposing && (isText || (TYPED.includes(event.key) && !event.altKey));
};

document.addEventListener("keydown", (event) => {
  if (!waiting || !event.isTrusted) return;
  if (event.key === "Escape") forget();
  if (!waiting || !waits(event)) return;
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
