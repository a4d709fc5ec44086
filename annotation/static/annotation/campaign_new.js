/** The campaign form: what the choice gives and how its first items look, while it is made. */

import { call } from "../workbench/api.js";

const byId = (id) => document.getElementById(id);
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
const texts = JSON.parse(byId("builder-texts").textContent);
const form = byId("campaign-form");
const chinese = document.documentElement.lang.startsWith("zh");
const said = ({ text_en, text_zh }) => (chinese ? text_zh || text_en : text_en || text_zh);
const numbers = (name) => new FormData(form).getAll(name).map(Number);
const number = (name) => Number(form.elements[name].value) || 0;
const orNull = (text) => (text === "" ? null : Number(text));
let asked = 0;
let timer;
let first = "";

function request() {
  const chosen = form.elements;
  return {
    protocol: chosen.protocol.value,
    clips_per_item: chosen.clips_per_item ? number("clips_per_item") : 2,
    model_under_test: chosen.model_under_test ? orNull(chosen.model_under_test.value) : null,
    overlap: number("overlap"),
    most_items: orNull(form.elements.most_items.value),
    prompt_sets: numbers("prompt_sets"),
    categories: numbers("categories"),
    text: form.elements.text.value.trim(),
    prompts: numbers("prompts"),
    video_models: numbers("video_models"),
    gold_share: chosen.gold_percent ? number("gold_percent") / 100 : 0,
    dimensions: form.querySelectorAll(".dimension-cards [name$=-used]:checked").length || 1,
    seconds: orNull(byId("seconds").value),
  };
}

async function preview() {
  const turn = ++asked;
  byId("two-clips").hidden = form.elements.protocol.value !== "best_worst" || number("clips_per_item") !== 2;
  let answer = {};
  let trouble = "";
  try {
    answer = await call("POST", "/api/campaigns/preview", request());
  } catch (error) {
    trouble = error.message;
  }
  if (turn !== asked) return;
  byId("trouble").textContent = trouble;
  byId("trouble").hidden = !trouble;
  for (const place of document.querySelectorAll("[data-show]")) {
    const value = answer[place.dataset.show];
    place.textContent = value?.toLocaleString(undefined, { maximumFractionDigits: 1 }) ?? "–";
  }
  byId("nothing").hidden = answer.items !== 0;
  if (trouble) return;
  const { seconds, judgements, campaigns } = answer.pace;
  byId("seconds").placeholder = seconds.toFixed(0);
  byId("pace").textContent = fill(judgements ? texts.measured : texts.assumed, {
    seconds: seconds.toFixed(0),
    judgements: judgements.toLocaleString(),
    campaigns,
  });
  list(answer.listed);
  show(answer.first);
}

/** The prompts that fit, to tick single ones; what is ticked stays, though another search does not list it. */
function list(prompts) {
  const box = byId("prompt-list");
  const chosen = new Set(numbers("prompts"));
  const listed = new Set(prompts.map(({ id }) => id));
  const kept = [...box.querySelectorAll("label")].filter(
    (label) => label.firstElementChild.checked && !listed.has(Number(label.firstElementChild.value)),
  );
  const known = new Set(kept.map((label) => Number(label.firstElementChild.value)));
  const hidden = [...chosen].filter((id) => !listed.has(id) && !known.has(id));
  box.replaceChildren(
    ...hidden.map((id) => Object.assign(document.createElement("input"), { type: "hidden", name: "prompts", value: id })),
    ...kept,
    ...prompts.map((prompt) => choice(prompt, chosen.has(prompt.id))),
  );
  byId("single-count").textContent = chosen.size ? fill(texts.chosen, { n: chosen.size }) : "";
  if (chosen.size) byId("single").open = true;
}

function choice(prompt, checked) {
  const label = document.createElement("label");
  const box = Object.assign(document.createElement("input"), { type: "checkbox", name: "prompts", value: prompt.id, checked });
  const count = document.createElement("span");
  count.className = "small muted";
  count.textContent = fill(texts.clips, { n: prompt.clips });
  label.append(box, ` ${said(prompt)} `, count);
  return label;
}

/** First items as people see them; left alone while they stay the same, so that nothing flickers. */
function show(items) {
  byId("first").hidden = items.length === 0;
  if (JSON.stringify(items) === first) return;
  first = JSON.stringify(items);
  byId("first-items").replaceChildren(...items.map((item, place) => card(item, place + 1)));
}

function card(item, place) {
  const box = document.createElement("article");
  box.className = "card first-item";
  const text = document.createElement("p");
  text.textContent = said(item);
  if (item.first_frame) {
    text.prepend(Object.assign(new Image(), { src: item.first_frame, alt: texts.firstFrame, className: "starts-from" }));
  }
  const clips = document.createElement("div");
  clips.className = "first-clips";
  clips.dataset.n = item.clips.length;
  for (const [n, src] of item.clips.entries()) {
    const video = document.createElement("video");
    Object.assign(video, { src, muted: true, loop: true, playsInline: true, preload: "metadata" });
    video.setAttribute("aria-label", fill(texts.clip, { n: n + 1 }));
    clips.append(video);
  }
  const play = document.createElement("button");
  play.type = "button";
  play.textContent = texts.play;
  play.setAttribute("aria-label", `${texts.play}: ${place}`);
  play.addEventListener("click", () => {
    const videos = [...clips.children];
    const start = videos[0].paused;
    for (const video of videos) {
      if (start) video.play().catch(() => {});
      else video.pause();
    }
    play.textContent = start ? texts.pause : texts.play;
  });
  box.append(text, clips, play);
  return box;
}

form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(preview, 250);
});
preview();
