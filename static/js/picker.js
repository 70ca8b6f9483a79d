// A text box with a list under it: type, Down or Up, Enter. The list comes from the server (htmx,
// see the hx- attributes on the box); this file only chooses from it. Without it the box is a plain
// text box, and the server understands what was typed. What is typed on after an Enter that has to
// wait for the list waits, too (ahead.js).
//
//   data-picker="choose"   the option's words go into the box, the focus to the next field
//   data-picker="add"      the option is sent with the [data-add] button, the box is emptied
//   data-picker="go"       the option is a page: it opens

const { ahead } = globalThis.Remit;
const on = (type, action, root = document) => root.addEventListener(type, action);

// A money grid knows where Enter goes on (money-grid.js); elsewhere that is the form's next control.
function nextField(from) {
  if (globalThis.Remit.nextField) {
    globalThis.Remit.nextField(from);
    return;
  }
  const fields = [...from.form.elements].filter((field) => field.tabIndex >= 0 && field.offsetParent);
  fields[fields.indexOf(from) + 1]?.focus();
}

const attached = new WeakSet();

function attach(picker) {
  if (attached.has(picker)) return;
  attached.add(picker);
  const box = picker.querySelector("[role=combobox]");
  const list = picker.querySelector("[role=listbox]");
  const adds = picker.dataset.picker === "add";
  const goes = picker.dataset.picker === "go";
  let wantsFirst = false; // Enter came before the list did
  let listed = null; // what was typed when the list was asked for
  let asked = null; // the same, of the request on its way
  let chosen = box.hasAttribute("aria-invalid") ? null : box.defaultValue; // what needs no choosing
  let moved = false; // the first option is only proposed: the first Down or Up takes it

  const options = () => [...list.querySelectorAll("[role=option]")];
  const current = () => list.querySelector("[aria-selected=true]");
  // What Enter takes. An option that does not come of what was typed is never meant by Enter alone:
  // a name misspelt is not everyone.
  const proposed = () => options().find((option) => !("apart" in option.dataset));

  function open() {
    list.hidden = false;
    box.setAttribute("aria-expanded", "true");
  }

  function close() {
    list.hidden = true;
    wantsFirst = false;
    box.setAttribute("aria-expanded", "false");
    box.removeAttribute("aria-activedescendant");
  }

  function mark(option) {
    current()?.setAttribute("aria-selected", "false");
    if (!option) return;
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    box.setAttribute("aria-activedescendant", option.id);
  }

  function move(step) {
    const all = options();
    const at = moved ? all.indexOf(current()) + step : 0;
    moved = true;
    mark(all[Math.max(0, Math.min(at, all.length - 1))]);
  }

  function choose(option) {
    close();
    if (goes) {
      location.assign(option.dataset.value);
      return;
    }
    if (adds) {
      const button = picker.querySelector("[data-add]");
      button.value = option.dataset.value;
      box.value = "";
      button.click(); // what comes of it says where the keys belong that were typed ahead
      return;
    }
    chosen = box.value = option.dataset.value;
    box.dispatchEvent(new CustomEvent("payer-chosen", {
      bubbles: true, detail: { method: option.dataset.method ?? "" },
    }));
    htmx.trigger(box.form, "recalculate");
    nextField(box);
    ahead.go(box);
  }

  function enterWaits() {
    wantsFirst = true;
    ahead.wait(box, () => { wantsFirst = false; });
    if (asked !== box.value) htmx.trigger(box, "pick");
  }

  function waitsNoMore() {
    if (!wantsFirst) return;
    wantsFirst = false;
    ahead.drop(box);
  }

  on("input", (event) => {
    waitsNoMore();
    if (adds) event.stopPropagation(); // the name of a patient changes no figure
  }, box);

  on("focus", () => { if (adds) htmx.trigger(box, "pick"); }, box);

  on("htmx:configRequest", (event) => {
    if (event.target === box) asked = box.value;
  }, box);

  on("htmx:afterSwap", (event) => {
    if (event.target !== list) return;
    listed = asked;
    asked = null;
    if (document.activeElement !== box || listed !== box.value) return;
    open();
    moved = false;
    mark(proposed());
    if (!wantsFirst) return;
    if (proposed()) choose(proposed());
    else waitsNoMore();
  }, list);

  on("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) htmx.trigger(box, "pick");
      else move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter") {
      event.preventDefault();
      event.stopPropagation();
      if (!list.hidden && current() && listed === box.value) choose(current());
      else if (box.value.trim() && (adds || goes || box.value !== chosen)) enterWaits();
      else if (goes) htmx.trigger(box, "pick");
      else nextField(box);
    } else if (event.key === "Escape" && !list.hidden) {
      event.stopPropagation();
      close();
    }
  }, box);

  // Also after an answer from elsewhere, such as sign-in (app.js).
  on("htmx:afterRequest", ({ detail }) => {
    if (detail.successful || !detail.xhr.status) return; // no answer at all is told below
    asked = null;
    waitsNoMore();
  }, box);

  for (const failure of globalThis.Remit.FAILURES) {
    on(failure, () => {
      asked = null;
      if (wantsFirst && goes) box.form.submit(); // the page of the same links may come
      else waitsNoMore();
    }, box);
  }

  // Typed before the scripts were here.
  window.addEventListener("pageshow", () => {
    const typed = box.value.trim() && box.value !== box.defaultValue;
    if (typed && document.activeElement === box) htmx.trigger(box, "pick");
  });

  // A press on the list must not take the focus from the box before it counts.
  on("mousedown", (event) => event.preventDefault(), list);
  on("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) choose(option);
  }, list);
  on("blur", () => {
    waitsNoMore();
    close();
  }, box);
}

const attachIn = (root) => root.querySelectorAll("[data-picker]").forEach(attach);

attachIn(document);
// Rows may come later.
document.addEventListener("htmx:load", ({ target }) => attachIn(target.parentNode ?? target));
