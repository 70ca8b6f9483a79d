// Keys typed ahead. Somebody fast does not wait for an answer: a name, Enter, and the first amount is
// on its way while the sessions are still coming. Such keys wait here, and are typed when the answer
// has put the focus where they belong; otherwise they would end in whatever box has it meanwhile.
//
// For other scripts, `who` being whatever waits (a later one takes over from an earlier one):
//   Remit.ahead.wait(who, onEnd)   keys wait from now on; `onEnd` is called if that ends for nothing
//   Remit.ahead.go(who)            the focus is where they belong: they are typed
//   Remit.ahead.drop(who)          it never will be: they are forgotten, and that is said
// Escape, a press of the mouse, a command (Ctrl+K), a dialog that opened and a focus that went elsewhere
// end the waiting as well: the person decides where to be.

const TOO_LONG = 10000; // ms after which no answer is expected any more
const ARROWS = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 };
const TYPED = ["Enter", "Tab", "Backspace", "Delete", ...Object.keys(ARROWS)];
const FIELDS = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]";

let waiting = null; // who waits
let where = null; // what had the focus then: if it has it no more, the person went elsewhere
let givenUp = () => {};
let patience;
const keys = [];

function wait(who, onEnd = () => {}) {
  waiting = who;
  where = document.activeElement;
  givenUp = onEnd;
  clearTimeout(patience);
  patience = setTimeout(() => forget(), TOO_LONG);
}

function go(who) {
  if (waiting !== who) return;
  waiting = null;
  clearTimeout(patience);
  // A key may have to wait in its turn, and with it all that were pressed after it.
  while (keys.length && !waiting) if (!type(keys.shift())) forget({ lost: true });
}

function drop(who) {
  if (waiting === who) forget();
}

function forget({ lost = false } = {}) {
  const waited = waiting;
  waiting = null;
  clearTimeout(patience);
  if (waited) givenUp();
  if (!keys.length && !lost) return;
  keys.length = 0;
  globalThis.Remit.tell("What you typed ahead was not taken. Type it again.");
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
  const elsewhere = document.activeElement !== where || document.querySelector("dialog[open]");
  if (elsewhere || event.key === "Escape" || isCommand(event, isText)) forget();
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
  if (!here.dispatchEvent(event)) return true;
  if (press.ctrlKey) return press.key === "Enter";
  const arrow = ARROWS[press.key];
  if (press.key === "Tab") tab(here, press.shiftKey ? -1 : 1);
  else if (press.key === "Enter" && here.matches("button, a[href], summary")) here.click();
  else if (press.key === " " && here.matches("button, summary, [type=checkbox], [type=radio]")) here.click();
  else if (press.key.length === 1 && here.matches("select")) pick(here, press.key);
  else if (press.key.length === 1) return document.execCommand("insertText", false, press.key);
  else if (press.key === "Backspace") return document.execCommand("delete");
  else if (press.key === "Delete") return document.execCommand("forwardDelete");
  else if (arrow && here.matches("select")) step(here, arrow);
  else if (arrow && Number.isInteger(here.selectionStart)) caret(here, arrow);
  else return press.key === "Enter"; // no script can move within a date
  return true;
}

function tab(here, by) {
  const fields = [...document.querySelectorAll(FIELDS)].filter(
    (field) => field === here || (field.tabIndex >= 0 && !field.disabled && field.checkVisibility()),
  );
  const next = fields[fields.indexOf(here) + by];
  next?.focus();
  if (next?.matches("input")) next.select(); // as a browser does
}

function caret(field, by) {
  const at = Math.max(0, (by < 0 ? field.selectionStart : field.selectionEnd) + by);
  field.setSelectionRange(at, at);
}

const step = (select, by) => choose(select, select.options[select.selectedIndex + by]);

const pick = (select, letter) =>
  choose(select, [...select.options].find((option) => option.text.toLowerCase().startsWith(letter.toLowerCase())));

// As if by hand, which money-grid.js asks about.
function choose(select, option) {
  if (!option || option.selected) return;
  select.value = option.value;
  for (const name of ["input", "change"]) {
    select.dispatchEvent(new CustomEvent(name, { bubbles: true, detail: { byHand: true } }));
  }
}

globalThis.Remit = Object.assign(globalThis.Remit ?? {}, { ahead: { wait, go, drop } });
