"use strict";
// A list shows the rows that name what was typed.
for (const field of document.querySelectorAll("input[data-filter]")) {
  const rows = document.querySelectorAll(`#${field.dataset.filter} tbody tr`);
  const none = document.getElementById("none");
  field.addEventListener("input", () => {
    const wanted = field.value.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
      shown += !row.hidden;
    }
    none.hidden = shown > 0;
  });
}
// What was left empty is not asked for.
for (const form of document.querySelectorAll("form.options")) {
  form.addEventListener("submit", () => {
    for (const field of form.querySelectorAll("input, select")) field.disabled = field.value === "";
  });
}
// On paper nothing can be unfolded, so tables that are folded are printed.
addEventListener("beforeprint", () => {
  for (const each of document.querySelectorAll("details.looks:not([open])")) { each.open = true; each.dataset.folded = ""; }
});
addEventListener("afterprint", () => {
  for (const each of document.querySelectorAll("details[data-folded]")) { each.open = false; delete each.dataset.folded; }
});
