/** The campaign form: how many items and judgements the choice gives, while it is made. */

import { call } from "../workbench/api.js";

const form = document.getElementById("campaign-form");
const numbers = (name) => new FormData(form).getAll(name).map(Number);
let asked = 0;
let timer;

async function preview() {
  const number = ++asked;
  const size = Number(form.elements.clips_per_item.value);
  document.getElementById("two-clips").hidden = size !== 2;
  const answer = await call("POST", "/api/campaigns/preview", {
    clips_per_item: size,
    overlap: Number(form.elements.overlap.value),
    prompt_sets: numbers("prompt_sets"),
    video_models: numbers("video_models"),
  }).catch(() => ({}));
  if (number !== asked) return;
  for (const place of document.querySelectorAll("[data-show]")) {
    place.textContent = answer[place.dataset.show]?.toLocaleString() ?? "–";
  }
  document.getElementById("nothing").hidden = answer.items !== 0;
}

form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(preview, 200);
});
preview();
