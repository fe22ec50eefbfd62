"use strict";
document.documentElement.classList.add("js");
for (const picker of document.querySelectorAll(".picker select")) {
  picker.addEventListener("change", () => picker.form.submit());
}
for (const photo of document.querySelectorAll(".photo img")) {
  photo.addEventListener("error", () => photo.remove());
}
const live = document.getElementById("live");
let shown = "";
async function refresh() {
  if (document.visibilityState !== "visible") return;
  try {
    const answer = await fetch("/live", { credentials: "same-origin" });
    const told = await answer.text();
    if (answer.ok && told !== shown) live.innerHTML = shown = told;
  } catch { /* the next second will do */ }
}
if (live) setInterval(refresh, 1500);
