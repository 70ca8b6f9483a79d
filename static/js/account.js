// Small things of an account's screens; without this file everything still works.
//
//   data-print      a button that prints the page
//   data-submit     a form that is sent when one of its choices changes
//   details.more    a menu: one open at a time; Esc or a press elsewhere closes it

const on = (type, action) => document.addEventListener(type, action);

on("click", (event) => {
  if (event.target.closest("[data-print]")) window.print();
});

on("change", (event) => {
  const form = event.target.form;
  if (form?.matches("[data-submit]")) form.requestSubmit();
});

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.more[open]")) {
    if (menu !== except) menu.open = false;
  }
}

on("click", (event) => closeMenus(event.target.closest("details.more")));

on("keydown", (event) => {
  const menu = event.key === "Escape" && event.target.closest("details.more[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
