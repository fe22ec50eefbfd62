// The slider: from the moment a person was first met until now. It asks for one part of the page, and puts it in place.
"use strict";
const form = document.querySelector(".travel form");
if (form) {
  const slider = form.querySelector("#slider"), shown = form.querySelector("#shown"), field = form.querySelector("#as_of");
  const first = Number(form.dataset.first), now = Number(form.dataset.now), steps = Number(slider.max);
  const place = document.querySelector("#case");
  let asked = 0;
  slider.hidden = false;
  form.querySelector(".ends").hidden = false;
  const momentOf = (step) => new Date(first + ((now - first) * step) / steps).toISOString().slice(0, 19);
  const tell = () => {
    const latest = Number(slider.value) === steps;
    field.value = latest ? "" : momentOf(Number(slider.value));
    shown.textContent = latest ? "Now" : field.value.replace("T", " ");
  };
  if (field.value) {
    slider.value = String(Math.round(((Date.parse(field.value + "Z") - first) / (now - first || 1)) * steps));
    shown.textContent = field.value.replace("T", " ");
  }
  slider.addEventListener("input", tell);
  slider.addEventListener("change", async () => {
    const mine = ++asked, where = field.value ? "as_of=" + encodeURIComponent(field.value) + "&" : "";
    place.classList.add("busy");
    const answer = await fetch(form.action + "?" + where + "part=true", { credentials: "same-origin" });
    const text = await answer.text();
    if (mine !== asked) return;
    place.classList.remove("busy");
    if (answer.status === 401) return location.reload();
    const parsed = new DOMParser().parseFromString(text, "text/html");
    const found = answer.ok ? [...parsed.body.childNodes] : [parsed.querySelector("[role=alert]")];
    place.replaceChildren(...found);
  });
}
