// What every page can do: keys, dialogs, notices, and words for those who do not see the screen.
// Everything works without this file; forms post, links lead to pages. No money is computed here.
//
//   data-find         the box that Ctrl+K goes to
//   data-keys-page    the link that Ctrl+/ follows
//   data-main         the button that Ctrl+Enter presses (in an open dialog: the dialog's own)
//   data-dialog="#x"  a link that opens #x of its page in the dialog, instead of going there
//   data-close        in a dialog: closes it
//   data-dismiss      removes the [data-notice] around it
//   data-print        prints the page
//   data-submit       a form that is sent when one of its choices changes
//   data-counts-for="#x"  a form of filters: a button [data-counted] in #x does what they counted, so it is
//                     off from a change in them until the part is there anew
//   data-once         a form that may be sent once: a second press does nothing. It leaves the page
//                     only when the server is there; else what was typed stays, and the page says so
//   data-stay         a form in which Enter goes to the next box
//   data-live         a form whose totals the server answers while somebody types
//
// The server may speak too: an HX-Trigger header {"say": "3 sessions added."} is read out when the
// reader is free; {"follow": {"box": id, "was": text, "now": text}} brings a box up to a total.
// Other scripts call Remit.announce(text), with {now: true} to be read out at once, Remit.tell(text) where
// it has to be seen, too, Remit.sayNoAnswer(form, xhr, again), and Remit.markTotals(name, isOn), and
// know by Remit.FAILURES which events say that no answer came.

const find = (selector, root = document) => root.querySelector(selector);
const findAll = (selector, root = document) => [...root.querySelectorAll(selector)];
const on = (type, action, options) => document.addEventListener(type, action, options);
const FAILURES = ["htmx:sendError", "htmx:timeout", "htmx:responseError"];

// ---------------------------------------------------------------- reading out

// Emptied first: a screen reader reads changes, and the same words twice would be silent.
function announce(text, { now = false } = {}) {
  const region = find(now ? "#shout" : "#say");
  region.textContent = "";
  setTimeout(() => { region.textContent = text; }, 50);
}

// The same for those who see it: for some seconds above everything, so that nothing moves.
const TOLD_FOR = 8000;

function tell(text) {
  announce(text, { now: true });
  find("[data-told]")?.remove();
  const note = document.createElement("div");
  Object.assign(note, { className: "notice warn told", textContent: text }).dataset.told = "";
  note.setAttribute("aria-hidden", "true"); // it was read out
  document.body.append(note);
  setTimeout(() => note.remove(), TOLD_FOR);
}

globalThis.Remit = Object.assign(globalThis.Remit ?? {}, { announce, tell });

on("say", (event) => announce(event.detail.value));

// A box that follows a total, until somebody types something else into it.
on("follow", ({ detail }) => {
  const box = find(`#${detail.box}`);
  if (box?.value === detail.was) box.value = detail.now;
});

// ---------------------------------------------------------------- errors, notices, menus

function focusErrors(root) {
  const summary = root.matches?.(".errsum") ? root : find(".errsum", root);
  if (summary) summary.focus();
}

focusErrors(document);
on("htmx:afterSettle", (event) => focusErrors(event.target));

on("click", (event) => {
  const button = event.target.closest("[data-dismiss]");
  if (!button) return;
  button.closest("[data-notice]").remove();
  find("#main").focus();
});

on("click", (event) => {
  if (event.target.closest("[data-print]")) window.print();
});

// Chromium says `change` at every digit that makes a date. Where a change asks anew, a date that is typed
// asks once it is whole: at Enter, or when its box is left.
let typedIn = null; // a date in which somebody types
let changedIn = null; // the same, changed since

const asksAtChange = (form) =>
  form?.matches("[data-submit]") || /\bchange\b/.test(form?.getAttribute("hx-trigger"));

on("keydown", ({ target }) => { if (target.matches("input[type=date]")) typedIn = target; }, true);
on("pointerdown", () => { typedIn = null; }, true);

on("change", (event) => {
  if (!event.isTrusted || event.target !== typedIn || !asksAtChange(typedIn.form)) return;
  event.stopImmediatePropagation();
  changedIn = typedIn;
}, true);

on("focusout", ({ target }) => {
  if (target !== changedIn) return;
  changedIn = null;
  target.dispatchEvent(new Event("change", { bubbles: true }));
});

on("submit", () => { changedIn = null; }, true);

on("change", ({ target }) => {
  if (target.form?.matches("[data-submit]")) target.form.requestSubmit();
});

// What was counted for one period is not done for another: its button waits until it is counted anew.
for (const type of ["input", "change"]) {
  on(type, ({ target }) => {
    const counted = target.form?.dataset.countsFor;
    if (counted) find(`${counted} [data-counted]`)?.setAttribute("disabled", "");
  }, true);
}

// The menu of a row opens by itself (<details class="more">); it closes like any menu.
on("click", (event) => {
  for (const menu of findAll("details.more[open]")) menu.open = menu.contains(event.target);
});

on("keydown", (event) => {
  const menu = event.key === "Escape" && event.target.closest("details.more[open]");
  if (!menu) return;
  menu.open = false;
  find("summary", menu).focus();
});

// On a phone the navigation is a bar that scrolls: it begins where the reader is.
const here = find(".nav1 [aria-current]");
if (here) {
  const bar = here.closest(".side");
  bar.scrollLeft = here.getBoundingClientRect().left - bar.clientWidth / 2;
}

// ---------------------------------------------------------------- keys

on("keydown", (event) => {
  // Some keyboards write / with Shift.
  if (!(event.ctrlKey || event.metaKey) || event.altKey || (event.shiftKey && event.key !== "/")) return;
  const press = { k: focusFind, "/": openKeys, Enter: pressMain }[event.key];
  if (press && press()) event.preventDefault();
});

function focusFind() {
  const box = find("[data-find]");
  if (!box || find("dialog[open]")) return false;
  box.focus();
  box.select();
  return true;
}

function openKeys() {
  const link = find("[data-keys-page]");
  if (!link || find("dialog[open]")) return false;
  link.click();
  return true;
}

function pressMain() {
  const button = find("[data-main]", find("dialog[open]") || document);
  if (!button) return false;
  if (button.disabled) document.activeElement.blur(); // what is typed there is counted first
  button.click();
  return true;
}

// Enter goes on in a form whose figures follow by themselves; it never saves a half-finished one.
on("keydown", (event) => {
  const { target } = event;
  if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!target.form?.matches("[data-stay]") || !target.matches("input, select")) return;
  event.preventDefault();
  const fields = [...target.form.elements].filter(
    (field) => field.matches("input:not([type=hidden]), select, [data-main]") && field.offsetParent,
  );
  fields[fields.indexOf(target) + (event.shiftKey ? -1 : 1)]?.focus();
});

// T, + and - in a date: today, the next day, the day before.
on("keydown", (event) => {
  const box = event.target;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (!box.matches("input[type=date]") || box.readOnly) return;
  const step = { t: 0, T: 0, "+": 1, "=": 1, "-": -1 }[event.key];
  if (step === undefined) return;
  event.preventDefault();
  const day = step && box.value ? new Date(`${box.value}T12:00`) : new Date();
  day.setDate(day.getDate() + step);
  box.value = isoDate(day);
  box.dispatchEvent(new Event("input", { bubbles: true }));
  box.dispatchEvent(new Event("change", { bubbles: true }));
});

// The day where the reader is; toISOString() would say the day in Greenwich.
function isoDate(day) {
  const two = (number) => String(number).padStart(2, "0");
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}

// ---------------------------------------------------------------- dialogs

// The browser keeps the focus inside, closes on Esc and gives the focus back to the link.
on("click", (event) => {
  const link = event.target.closest("a[data-dialog]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (event.isTrusted) link.focus(); // not every browser does; after Ctrl+/ the typist's box keeps it
  htmx.ajax("GET", link.getAttribute("href"), {
    source: link,
    target: "#dialog",
    swap: "innerHTML ignoreTitle:true",
    select: link.dataset.dialog || undefined,
  }).catch(() => {}); // said below
});

on("htmx:afterSwap", (event) => {
  const dialog = event.target.closest("dialog.dlg");
  if (dialog && !dialog.open && dialog.childElementCount) dialog.showModal();
});

on("click", (event) => {
  const dialog = event.target.closest("[data-close]")?.closest("dialog");
  if (!dialog) return;
  event.preventDefault();
  dialog.close();
});

// Emptied, so that no id stands twice in the page. (close does not bubble: caught on the way down.)
on("close", (event) => {
  if (event.target.matches("dialog.dlg")) event.target.replaceChildren();
}, true);

// The page itself says best why it cannot be shown, if there is anybody to say it.
for (const failure of FAILURES) {
  on(failure, ({ target, detail }) => {
    const link = target.closest("a[data-dialog]");
    if (link && isAway(detail.xhr)) sayNoAnswer(null, detail.xhr, () => link.click());
    else if (link) location.assign(link.href);
  });
}

// Where only a part of the page was asked for and it is not open to the reader (config/access.py).
on("refused", ({ detail }) => {
  announce(detail.value, { now: true });
  const notice = find("#refused") ?? document.createElement("div");
  Object.assign(notice, { id: "refused", className: "notice bad", textContent: detail.value });
  find("#main .body").prepend(notice);
});

// ---------------------------------------------------------------- answers from elsewhere

// An answer that was redirected is another page, most often sign-in: it is no part to put into this
// one. Somebody who types stays where they are and reads that the totals are out of date.
function cameFromElsewhere({ xhr, requestConfig }) {
  if (!xhr.responseURL) return false;
  const asked = new URL(requestConfig.path || ".", location.href);
  return new URL(xhr.responseURL).pathname !== asked.pathname;
}

on("htmx:beforeOnLoad", (event) => {
  if (!cameFromElsewhere(event.detail)) return;
  event.preventDefault();
  globalThis.Remit.lookWhoIsSignedIn?.();
  if (event.target.matches("[data-draft]")) return; // says itself that it was not kept
  if (!event.target.closest("[data-live]")) location.assign(event.detail.xhr.responseURL);
  else if (asksForTotals(event.target)) noAnswer();
});

// Whoever signs out and in again in another window leaves this page with a token that is refused. It
// gets the one of now. A form is sent once more, and figures are asked for, but not twice: some
// refusals are meant. Where it is not known what was asked for, that is said.
let askedOnceMore = false;

on("htmx:responseError", async ({ target, detail }) => {
  if (detail.xhr.status !== 403 || askedOnceMore) return;
  askedOnceMore = true;
  if ((await globalThis.Remit.askWhetherThere?.()) !== "there") return;
  const press = detail.requestConfig.triggeringEvent;
  if (press?.type === "submit") press.target.requestSubmit(press.submitter);
  else if (asksForTotals(target)) document.dispatchEvent(new Event("signed-in-again"));
  else if (!target.matches("[data-draft]")) tell("You signed in anew meanwhile. Please do that again.");
});
on("htmx:afterOnLoad", ({ detail }) => { askedOnceMore &&= detail.xhr.status === 403; });

// ---------------------------------------------------------------- no answer

// Nothing, or a proxy that found nobody, or the database away (config/out_of_reach.py).
const isAway = (xhr) => [0, 502, 503, 504].includes(xhr.status);

// Said above what is typed in `form`, or above the page, once, with a button that does `again`.
function sayNoAnswer(form, xhr, again) {
  const ours = xhr?.status === 503 && xhr.getResponseHeader("Content-Type")?.startsWith("text/plain");
  const why = ours ? xhr.responseText : "Remit cannot be reached.";
  find("[data-no-answer]")?.remove();
  const [notice, words, end, button] = ["div", "div", "div", "button"].map((tag) => document.createElement(tag));
  Object.assign(notice, { className: "notice bad" }).dataset.noAnswer = "";
  notice.setAttribute("role", "alert");
  words.textContent = `${why} What you typed is still here.`;
  Object.assign(button, { type: "button", className: "btn btn-line btn-xs", textContent: "Try again" });
  button.addEventListener("click", () => { notice.remove(); again(); });
  end.className = "end";
  end.append(button);
  notice.append(words, end);
  // A form in a dialog has a body, under its heading.
  ((form && find(".db", form)) ?? find("#main .body") ?? form).prepend(notice);
  button.focus();
}

Object.assign(globalThis.Remit, { FAILURES, sayNoAnswer });

for (const failure of FAILURES) {
  on(failure, ({ detail: { xhr, requestConfig } }) => {
    const press = requestConfig?.triggeringEvent;
    if (press?.type !== "submit" || !isAway(xhr)) return;
    const { target: form, submitter } = press;
    sayNoAnswer(form, xhr, () => form.requestSubmit(submitter));
  });
}

// A whole page that is posted would be left for the browser's own error page, or for sign-in, and what
// was typed be lost. So the server is asked first whether it is there, with its records, and whether
// it still knows who asks (session.js).
const onItsWay = new WeakSet(); // forms the server is there for

async function sendWhenThere(form, submitter) {
  const where = (await globalThis.Remit.askWhetherThere?.()) ?? "there";
  if (where === "there") {
    onItsWay.add(form);
    form.requestSubmit(submitter);
    return;
  }
  markSent(form, false);
  // Signed out, the page is covered by now, and the button is pressed again after it.
  if (where === "away") sayNoAnswer(form, null, () => form.requestSubmit(submitter));
}

// ---------------------------------------------------------------- sent once

// The button is not disabled, which would take its name and value out of what is sent: the form
// remembers that it is on its way. The server refuses a second posting in any case.
const sent = new WeakSet();
const SENT_FOR = 10000; // where the page stays, as after a file to save, it may be sent again

on("submit", (event) => {
  if (!sent.has(event.target) || onItsWay.has(event.target)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);

on("submit", (event) => {
  const form = event.target;
  const takenByHtmx = form.matches("[hx-post]:not([hx-trigger])");
  if (!form.matches("[data-once]") || (event.defaultPrevented && !takenByHtmx)) return;
  const asked = onItsWay.delete(form);
  markSent(form, true);
  if (asked || takenByHtmx || !document.body.dataset.user) { // at sign-in little is lost
    setTimeout(() => markSent(form, false), SENT_FOR);
    return;
  }
  event.preventDefault();
  sendWhenThere(form, event.submitter);
});

on("htmx:afterRequest", ({ target, detail }) => {
  const byPress = detail.requestConfig?.triggeringEvent?.type === "submit";
  if (byPress && target.matches("form[data-once]")) markSent(target, false);
});

// Back shows the page as it was left.
window.addEventListener("pageshow", () => {
  for (const form of findAll("form[data-once]")) markSent(form, false);
});

function markSent(form, isSent) {
  if (isSent) sent.add(form);
  else sent.delete(form);
  for (const button of form.elements) {
    if (button.type === "submit") button.toggleAttribute("data-sent", isSent);
  }
}

// ---------------------------------------------------------------- live totals

// While the server is silent its last figures may be wrong, and must not look right. The words for
// it are in the page already (parts/unallocated.html); a class shows them.
let outOfDate = false;

const TOTALS = ["un", "fstate", "explain"];

const asksForTotals = (element) =>
  element.closest("[data-live]") !== null && !element.matches("[role=combobox]");

function markTotals(name, isOn) {
  for (const id of TOTALS) document.getElementById(id)?.classList.toggle(name, isOn);
}

Object.assign(globalThis.Remit, { markTotals });

function noAnswer() {
  markTotals("pending", false);
  markTotals("stale", true);
  if (!outOfDate) announce("No answer from the server. The totals are out of date.", { now: true });
  outOfDate = true;
}

function answered() {
  markTotals("pending", false);
  markTotals("stale", false);
  if (outOfDate) announce("The totals are up to date again.");
  outOfDate = false;
}

// A picker in the form asks for a list, not for totals: its answer says nothing about them.
const onLiveForm = (type, action) =>
  on(type, (event) => { if (asksForTotals(event.target)) action(event); });

onLiveForm("htmx:beforeSend", () => markTotals("pending", true));
for (const failure of FAILURES) onLiveForm(failure, noAnswer);
onLiveForm("htmx:beforeOnLoad", ({ detail }) => {
  const isAnswer = detail.xhr.status < 400 || detail.xhr.status === 422;
  if (isAnswer && !cameFromElsewhere(detail)) answered();
});
