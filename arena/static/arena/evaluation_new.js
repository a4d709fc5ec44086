/** The evaluation form: what the choice gives, which clips are there, and what so many judgements can tell. */

import { call } from "../workbench/api.js";

const byId = (id) => document.getElementById(id);
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
const texts = JSON.parse(byId("form-texts").textContent);
const form = byId("evaluation-form");
let asked = 0;
let timer;

function request() {
  const data = new FormData(form);
  return {
    prompt_set: Number(data.get("prompt_set")) || null,
    task: data.get("task"),
    video_models: data.getAll("video_models").map(Number),
    likert: data.has("likert"),
    gsb: data.has("gsb"),
    under_test: Number(data.get("under_test")) || null,
    seeds: data.get("seeds").split(/[,，]/).map((seed) => Number(seed.trim())).filter(Number.isSafeInteger),
    side_by_side: data.has("side_by_side"),
    overlap: Number(data.get("overlap")) || 1,
    steps: Number(data.get("steps")) || 20,
    guidance: Number(data.get("guidance")),
    difference: Number(byId("difference").value) || 0.3,
  };
}

async function preview() {
  const turn = ++asked;
  const wanted = request();
  form.elements.under_test.closest(".field").hidden = !wanted.gsb;
  form.elements.side_by_side.closest(".field").hidden = !wanted.likert;
  if (!wanted.prompt_set) return;
  let answer = {};
  let trouble = "";
  try {
    answer = await call("POST", "/api/evaluations/preview", wanted);
  } catch (error) {
    trouble = error.message;
  }
  if (turn !== asked) return;
  byId("trouble").textContent = trouble;
  byId("trouble").hidden = !trouble;
  const said = {
    ...answer,
    likert_difference: answer.likert_difference && fill(texts.points, { n: answer.likert_difference.toFixed(2) }),
    gsb_difference: answer.gsb_difference && fill(texts.share, { n: (100 * answer.gsb_difference).toFixed(0) }),
  };
  for (const place of document.querySelectorAll("[data-show]")) {
    const value = said[place.dataset.show];
    place.textContent = value?.toLocaleString() ?? "–";
  }
  byId("frames").textContent = answer.frames_note ?? "";
  byId("frames").hidden = !answer.frames_note;
  byId("models").replaceChildren(...(answer.models ?? []).flatMap(line));
}

function line({ name, ready, wanted }) {
  const term = document.createElement("dt");
  term.textContent = name;
  const found = document.createElement("dd");
  found.textContent = fill(texts.found, { n: ready, of: wanted });
  return [term, found];
}

form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(preview, 250);
});
preview();
