// The keyboard of rows of services, beside money-grid.js: a service that was chosen puts the focus on
// the code of the next row, so that code, Enter, code, Enter enters two. No money is computed here.
//
// Markup: form[data-grid] with input[data-code] in the rows. The server adds a fresh row under the
// last one as soon as something is typed in that ("rows-added" in its answer), up to [data-most] rows.

const form = document.querySelector("form[data-grid]");
const { ahead } = globalThis.Remit;
const anyField = globalThis.Remit.nextField;
let waiting = false; // Enter came before the row it goes to

const codes = () => [...form.querySelectorAll("input[data-code]")];

function nextField(from) {
  if (!("code" in from.dataset)) {
    anyField(from);
    return;
  }
  if (!from.value.trim()) {
    document.querySelector("[data-main]")?.focus(); // nothing more to enter
    return;
  }
  const list = codes();
  const next = list.slice(list.indexOf(from) + 1).find((box) => !box.value.trim());
  if (!next && list.length >= Number(form.querySelector("[data-most]").dataset.most)) {
    document.querySelector("[data-main]")?.focus(); // there is room for no more
    return;
  }
  waiting = !next;
  if (waiting) ahead.wait(codes, () => { waiting = false; });
  next?.focus();
}

globalThis.Remit = Object.assign(globalThis.Remit ?? {}, { nextField });

document.addEventListener("rows-added", () => {
  if (!waiting) return;
  waiting = false;
  codes().find((box) => !box.value.trim())?.focus();
  ahead.go(codes);
});

// It was asked for, and no row came of it: there is no room, or no answer.
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (detail.elt === form && !detail.successful) ahead.drop(codes);
});
