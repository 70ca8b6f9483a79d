// The keyboard of a grid of amounts, and which rows a live answer has to bring up to date.
// No money is computed here: the server answers every figure, also what a fill puts into a box.
//
// Markup: form[data-grid]; tr[data-row="<row>"]; input[data-money][data-col="<column>"] in the rows;
// a button [data-next] that Enter goes to from the box before it;
// buttons [data-fill="P"] and [data-details] in a row (the keys P and R), [data-fill="O"] above the
// grid (the key O); tr[data-of="<row>"] under a row, its details; [data-draft], which says whether
// the draft is kept and posts it when it is told to; body[data-letter-keys=off], where somebody
// turned the letter keys off. The server's answers carry events (HX-Trigger):
//   fill-boxes  {values: {box name: text}, undo: what was filled, if it can be undone,
//                focus: the box to go to}
//   figures     {said: the sentence to read out, over: is too much allocated,
//                wrong: {box name: is it marked as wrong}}
//   rows-added  {focus: box name, said: the sentence to read out}

const { ahead } = globalThis.Remit;
const form = document.querySelector("form[data-grid]");
const PAUSE = 800; // ms of no typing before the total is read out
const BETWEEN_KEYS = 300; // ms after which a number is whole: then too much is read out at once
const LETTER = /^[a-zA-Z]$/;
const TIDY = /^(-?\d+\.\d\d)?$/; // what needs no tidying when a box is left

const all = (selector, root = form) => [...root.querySelectorAll(selector)];
const box = (name) => form.elements.namedItem(name);
const rows = () => all("[data-row]");
const cell = (row, column) => row?.querySelector(`[data-col="${column}"]`);
const lettersAreKeys = document.body.dataset.letterKeys !== "off";
const isAmount = (element) => element instanceof HTMLInputElement && "money" in element.dataset;
const hasKeys = (element) => isAmount(element) && Boolean(element.dataset.col);
const mainButton = () => document.querySelector("[data-main]");

// ---------------------------------------------------------------- moving about

function nextField(from) {
  const fields = all("input:not([type=hidden]), select, textarea, button[data-next]").filter(
    (field) => field.tabIndex >= 0 && field.offsetParent && !field.disabled,
  );
  (fields[fields.indexOf(from) + 1] ?? mainButton())?.focus();
}

globalThis.Remit = Object.assign(globalThis.Remit ?? {}, { nextField });

function moveInColumn(from, step) {
  const list = rows();
  const row = list[list.indexOf(from.closest("[data-row]")) + step];
  if (row) cell(row, from.dataset.col).focus();
  else if (step > 0) mainButton()?.focus();
}

// ---------------------------------------------------------------- what changed since the server answered

const touched = new Map(); // row → how often it changed, so that a change meanwhile is not lost
let asked = new Map(); // the same, as it was when the request on its way was sent
let changes = 0;

function changed(input) {
  const row = rowOf(input);
  if (row) touched.set(row, ++changes);
  markPending();
  keepDraft();
}

// The row an element belongs to, also from the details under it.
function rowOf(element) {
  const { row, of } = element.closest("[data-row], [data-of]")?.dataset ?? {};
  return row ?? of;
}

function markPending() {
  globalThis.Remit.markTotals("pending", true);
}

// Before htmx hears of it and asks, since the request says what changed.
form.addEventListener("input", (event) => changed(event.target), true);

// A choice is typed by one key; what follows from it is asked at once.
form.addEventListener("change", ({ target }) => {
  if (target.matches("select")) {
    changed(target);
    if (rowOf(target)) recalculate();
  }
  if (target.matches("[name=payer], [name=reference], [name=method]")) ask({ check: "reference" });
});

// ---------------------------------------------------------------- what the server is asked besides

// One live request is on its way at a time, and of those that wait htmx keeps only the last. So
// what may not be dropped, a button pressed or a box left untidy, waits here for its turn.
const PRESSED = ["add", "fill", "details", "correct", "offset"];
const BRINGS_ROWS = ["add", "details", "correct", "offset"]; // and the focus goes to them
const presses = []; // {fill: …} or {add: …}, in the order pressed, one to a request
const untidy = new Set(); // names of boxes
let pressing = null; // what was pressed, of the request on its way
let held = null; // the button of a form that waits for it
let refused = []; // presses that came with the token of a sign-in that is over
let sent = {}; // the form as it was when the request on its way was sent

const isLive = (element) =>
  element.closest("form") === form && !element.matches("[role=combobox]");

function recalculate() {
  htmx.trigger(form, "recalculate");
}

function ask(press) {
  presses.push(press);
  if (BRINGS_ROWS.some((name) => name in press)) ahead.wait(form);
  recalculate();
}

document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (!isLive(detail.elt)) return;
  asked = new Map(touched);
  sent = detail.parameters;
  sent.touched = [...asked.keys()].join(",");
  // htmx sends the button pressed last along with the form; a live request presses none.
  for (const button of [...PRESSED, "action"]) delete sent[button];
  pressing = presses.shift() ?? null;
  if (pressing) {
    Object.assign(sent, pressing);
  } else {
    sent.tidy = [...untidy].join(",");
    untidy.clear();
  }
});

document.addEventListener("htmx:afterOnLoad", ({ detail }) => {
  if (!isLive(detail.elt) || !detail.successful) return;
  for (const [row, change] of asked) if (touched.get(row) === change) touched.delete(row);
  if (touched.size) markPending();
  pressing = null;
  if (presses.length || untidy.size) recalculate();
  if (!held || pressing || presses.length) return;
  const button = held;
  held = null;
  form.requestSubmit(button);
});

// Saved in the moment after a fill was pressed: its amounts come first, or they would not be saved.
form.addEventListener("submit", (event) => {
  if (!event.submitter || !(pressing || presses.length)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  held = event.submitter;
}, true);

// Where the server is away, nothing that was pressed happens by surprise when it is back: the page
// says that it did not happen, and offers it again.
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (!isLive(detail.elt) || detail.successful) return;
  ahead.drop(form);
  const [button, fills] = [held, [pressing, ...presses].filter(Boolean)];
  presses.length = 0;
  pressing = null;
  held = null;
  refused = !button && detail.xhr.status === 403 ? fills : [];
  if (!button) return;
  globalThis.Remit.sayNoAnswer(form, detail.xhr, () => {
    fills.forEach(ask);
    form.requestSubmit(button);
  });
});

// Somebody may type before the scripts are here, and Back may bring typing back: both are worked
// out as soon as the page stands. (htmx is ready before this event.) A letter on its own was meant
// as the key it is from now on.
window.addEventListener("pageshow", () => {
  const typed = all("input:not([type=hidden])").filter((input) => input.value !== input.defaultValue);
  for (const input of typed) {
    if (hasKeys(input) && LETTER.test(input.value)) {
      const letter = input.value;
      put(input, "");
      if (lettersAreKeys) command(letter.toUpperCase(), input);
    }
    changed(input);
  }
  if (typed.length) recalculate();
});

// Without this script these buttons post the form, and the page comes back filled.
form.addEventListener("click", (event) => {
  const button = event.target.closest("button[name]");
  if (!button || !PRESSED.includes(button.name)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  mends = button.closest("#explain") !== null;
  if (button.name !== "details" || !goToDetails(button.value)) ask({ [button.name]: button.value });
}, true);

// A button in the message line goes when the total is right again: the focus goes to what it mended.
let mends = false;

// What was typed, or pressed, meanwhile has no answer.
document.addEventListener("signed-in-again", () => {
  const again = refused;
  refused = [];
  if (again.length) again.forEach(ask);
  else recalculate();
});

// ---------------------------------------------------------------- boxes

form.addEventListener("focusin", ({ target }) => {
  if (!isAmount(target)) return;
  target.dataset.was = target.value;
  target.select();
  // New sessions begin in the column last typed in.
  if (target.dataset.col && box("column")) box("column").value = target.dataset.col;
});

form.addEventListener("focusout", ({ target }) => {
  if (!isAmount(target) || target.value === target.dataset.was || TIDY.test(target.value)) return;
  changed(target);
  untidy.add(target.name);
  recalculate();
});

function put(input, text) {
  if (!input || input.value === text) return;
  input.value = text;
  if (document.activeElement === input) {
    input.dataset.was = text;
    input.select();
  }
}

// ---------------------------------------------------------------- fills and their undo

let before = null;

document.addEventListener("fill-boxes", ({ detail }) => {
  // What was typed since the request was sent is newer than its answer.
  const names = Object.keys(detail.values).filter((name) => box(name)?.value === sent[name]);
  if (detail.undo && names.length) {
    before = names.map((name) => [name, box(name).value]);
    showUndo(detail.undo);
  }
  for (const name of names) put(box(name), detail.values[name]);
  if (names.length) keepDraft();
  const goTo = detail.focus || (mends && detail.undo && names[0]);
  if (goTo) box(goTo)?.focus();
  if (detail.undo) mends = false; // the answer to a press, not to a box that was left
});

const FILLS = {
  oldest: "oldest first",
  clear: "clear",
  amount: "Amount",
  trim: "change",
  pay: "pay remaining",
  writeoff: "write-off",
  everything: "write off everything",
  same: "same amounts",
};

function showUndo(what) {
  const button = document.querySelector("[data-undo]");
  if (!button) return;
  button.hidden = false;
  button.querySelector("[data-undo-label]").textContent = `Undo ${FILLS[what] ?? "fill"}`;
}

function undo() {
  if (!before) return;
  const [first] = before;
  for (const [name, text] of before) {
    put(box(name), text);
    if (box(name)) changed(box(name));
  }
  before = null;
  const button = document.querySelector("[data-undo]");
  if (button) {
    const pressed = document.activeElement === button;
    button.hidden = true;
    if (pressed) box(first[0])?.focus();
  }
  recalculate();
  globalThis.Remit.announce("Put back.");
}

document.querySelector("[data-undo]")?.addEventListener("click", undo);

// ---------------------------------------------------------------- keys

form.addEventListener("keydown", (event) => {
  const { target, key } = event;
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (key === "Escape" && target.closest("[data-of]")) {
    event.preventDefault(); // back to the row's own amounts
    cell(document.getElementById(`row-${rowOf(target)}`), "paid")?.focus();
    return;
  }
  if (!hasKeys(target)) {
    if (key === "Enter" && target.matches("input, select")) {
      event.preventDefault(); // Enter goes on; it never saves a half-finished payment
      nextField(target);
    }
    return;
  }
  const act = {
    Enter: () => moveInColumn(target, event.shiftKey ? -1 : 1),
    ArrowDown: () => moveInColumn(target, 1),
    ArrowUp: () => moveInColumn(target, -1),
    Escape: () => restore(target),
  }[key];
  if (act) {
    event.preventDefault();
    act();
  } else if (LETTER.test(key)) {
    event.preventDefault(); // an amount never needs a letter: here it is a command, or nothing
    if (lettersAreKeys) command(event.shiftKey ? `Shift+${key.toUpperCase()}` : key.toUpperCase(), target);
  }
});

function restore(input) {
  put(input, input.dataset.was ?? "");
  changed(input);
  recalculate();
}

function command(letter, input) {
  const row = input.closest("[data-row]");
  if (letter === "P") row.querySelector("[data-fill]")?.click();
  else if (letter === "O") form.querySelector('[data-fill="O"]')?.click();
  else if (letter === "W") ask({ fill: `writeoff:${row.dataset.row}` });
  else if (letter === "D") sameAsAbove(row, input);
  else if (letter === "Shift+D") ask({ fill: `same:${row.dataset.row}` });
  else if (letter === "U") undo();
  else if (letter === "R") row.querySelector("[data-details]")?.click();
}

// The first field of details that are open already; false where they are not.
function goToDetails(row) {
  const first = document.querySelector(`[data-of="${row}"] input:not([type=hidden])`);
  first?.focus();
  return Boolean(first);
}

function sameAsAbove(row, input) {
  const list = rows();
  const above = cell(list[list.indexOf(row) - 1], input.dataset.col);
  if (!above) return;
  before = [[input.name, input.value]];
  put(input, above.value);
  input.dispatchEvent(new Event("input", { bubbles: true }));
  showUndo("same as above");
}

// ---------------------------------------------------------------- reading out, rows that arrive

let speaking;
let overIsKnown = false; // it was read out that too much is allocated, and still is

document.addEventListener("figures", ({ detail }) => {
  clearTimeout(speaking);
  if (!detail.over) overIsKnown = false;
  const now = detail.over && !overIsKnown;
  speaking = setTimeout(() => {
    overIsKnown = detail.over;
    globalThis.Remit.announce(detail.said, { now });
  }, now ? BETWEEN_KEYS : PAUSE);
  for (const [name, wrong] of Object.entries(detail.wrong ?? {})) markWrong(box(name), wrong);
});

function markWrong(input, wrong) {
  if (!(input instanceof HTMLInputElement)) return;
  if (wrong) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

// Details come a moment after they were asked for; whoever types in another box by then stays there.
document.addEventListener("rows-added", ({ detail }) => {
  const first = detail.focus ? box(detail.focus) : null;
  if (first && !typesElsewhere(first)) first.focus();
  if (detail.said) globalThis.Remit.announce(detail.said);
  keepDraft();
  // Without new sessions the focus stays in the box of the patient's name, which takes no amounts.
  const here = document.activeElement;
  if (isOutside(here) || here.matches("[role=combobox]")) ahead.drop(form);
  else ahead.go(form);
});

const isOutside = (element) => element !== document.body && !form.contains(element);

function typesElsewhere(first) {
  const here = document.activeElement;
  const inAnotherRow = isAmount(here) && !(here.closest("[data-row]") && rowOf(here) === rowOf(first));
  return isOutside(here) || (first.closest("[data-of]") && inAnotherRow);
}

// The number on a check is not called what the number of a transfer is.
form.querySelector("[data-labels]")?.addEventListener("change", ({ target }) => {
  const label = form.querySelector("label[for=id_reference]");
  label.textContent = JSON.parse(target.dataset.labels)[target.value];
});

// ---------------------------------------------------------------- a payer's usual method

const method = form.elements.namedItem("method");
let methodChosen = false;

method?.addEventListener("change", (event) => { methodChosen ||= event.isTrusted || Boolean(event.detail?.byHand); });

// The picker says how the chosen payer paid last; what somebody chose by hand stays.
document.addEventListener("payer-chosen", ({ detail }) => {
  const known = [...(method?.options ?? [])].some((option) => option.value === detail.method);
  if (methodChosen || !known || method.value === detail.method) return;
  method.value = detail.method;
  method.dispatchEvent(new Event("change", { bubbles: true }));
});

// ---------------------------------------------------------------- the draft

const draft = document.querySelector("[data-draft]");
const KEEP_AFTER = 3000; // ms from the first change not kept yet
const SAVING = "Saving draft";
const NOT_KEPT = "Not saved: no connection. Your typing is kept on this page.";
const NO_KEY = "00000000-0000-0000-0000-000000000000";
let keeping;
let kept = draft?.dataset.kept ?? ""; // which state of the draft this page has typed on from

function keepDraft() {
  if (!draft || keeping) return;
  keeping = setTimeout(keepNow, KEEP_AFTER);
  noteUnkept();
}

function keepNow() {
  clearTimeout(keeping);
  keeping = undefined;
  htmx.trigger(draft, "draft");
}

draft?.addEventListener("htmx:beforeSend", () => { draft.textContent = SAVING; });

// An answer puts its words in before this; where none came, or another page did, none are there.
draft?.addEventListener("htmx:afterRequest", () => {
  if (draft.textContent === SAVING) {
    draft.textContent = NOT_KEPT;
    keepDraft();
    return;
  }
  const state = draft.querySelector("[data-kept]");
  if (state) {
    kept = state.dataset.kept;
    noteUnkept(addressOf(box("key").value));
  }
  if (document.querySelector(".un.stale")) recalculate(); // the server is there again
});

// Back and reload come to this address, and find what was typed. It is no copy any more.
function addressOf(key) {
  const address = new URL(location.href);
  address.searchParams.delete("copy");
  address.searchParams.set("draft", key);
  address.hash = "";
  return address;
}

// Whether something is not kept yet, in the entry of the browser's history: there a reload of this page,
// or Back to it, finds it.
function noteUnkept(address = location.href) {
  const unkept = keeping ? { key: box("key").value, kept } : undefined;
  history.replaceState({ ...history.state, unkept }, "", address);
}

// Somebody leaves, or looks elsewhere, before the draft's time has come.
addEventListener("beforeunload", () => {
  if (!keeping) return;
  // What is empty says nothing, and a browser sends 64 KB at most on leaving.
  const body = new URLSearchParams([...new FormData(form)].filter(([, text]) => text));
  fetch(draft.getAttribute("hx-post"), { method: "POST", body, keepalive: true }).catch(() => {});
});
document.addEventListener("visibilitychange", () => { if (document.hidden && keeping) keepNow(); });

// A reload asks for the page in the moment in which the last of the typing is sent, and may be drawn
// before that is kept. Then it comes once more, as soon as it is. Until then nothing can be typed, or
// the older state would be kept over the newer one; where nothing comes, this page is the newest.
const unkept = draft && history.state?.unkept;
const isDrawnBefore = Boolean(unkept) && !(unkept.key === box("key").value && kept !== unkept.kept);
if (isDrawnBefore) comeOnceMore(unkept);

async function comeOnceMore({ key, kept: known }) {
  noteUnkept();
  const main = document.querySelector("main");
  main.inert = true;
  for (const pause of [100, 200, 400, 600]) {
    await new Promise((resolve) => { setTimeout(resolve, pause); });
    const now = await keptOf(key);
    if (now && now !== known) return location.replace(addressOf(key));
  }
  main.inert = false;
}

async function keptOf(key) {
  try {
    const how = { headers: { "X-Passive": "1" }, redirect: "manual", cache: "no-store" };
    const answer = await fetch(draft.dataset.ask.replace(NO_KEY, key), how);
    return answer.ok ? (await answer.json()).kept : "";
  } catch {
    return "";
  }
}

// What is saved is a draft no more. What was refused is one still: it was typed, and not kept since.
// So is the copy of a payment that was taken out: nothing else has its figures by now.
form.addEventListener("submit", () => {
  clearTimeout(keeping);
  keeping = undefined;
  if (draft) noteUnkept();
});
if (draft && !isDrawnBefore && document.querySelector(".errsum, [data-copied]")) {
  window.addEventListener("pageshow", keepNow);
}
