// A round's page: its steps and its outcome are fetched again while it is at work; the feedback's curves.

import { Curves } from "../workbench/curves.js";

const byId = (id) => document.getElementById(id);
const POLL_MS = 2000;
const SLOW_POLL_MS = 15000; // once it has ended, or failed

// Three charts, read together: the rewards, how far the generator went from its base, and the judge.
function chartOf(name) {
  if (name.startsWith("eval/judge/") && name.endsWith("_quality")) return texts.judge;
  if (["eval/judge/prompt_following", "eval/judge/structural_stability"].includes(name)) return texts.judge;
  if (/^(train|eval)\/reward\//.test(name) || name === "eval/composite") return texts.reward;
  return name === "train/reference_distance" ? texts.distance : null;
}

const texts = byId("texts").dataset;
let curves = null;

async function refresh(box) {
  const answer = await fetch(box.dataset.url, { headers: { Accept: "text/html" } });
  if (!answer.ok) throw new Error(`${box.dataset.url}: ${answer.status}`);
  const html = await answer.text();
  if (box.lastHtml !== html) box.innerHTML = html;
  box.lastHtml = html;
}

function situation() {
  return byId("steps").querySelector("[data-situation]").dataset;
}

function follow() {
  const { situation: now, feedback } = situation();
  for (const form of document.querySelectorAll("form[data-when]")) {
    form.hidden = !form.dataset.when.split(" ").includes(now);
  }
  if (!curves && feedback) {
    curves = new Curves({
      box: byId("curves"),
      metrics: `/api/runs/${feedback}/metrics`,
      file: `refl-${feedback}`,
      step: texts.step,
      words: JSON.parse(byId("chart-words").textContent),
      first: () => {
        byId("curves-card").hidden = false;
      },
      chartOf,
    });
  }
}

async function look() {
  try {
    await refresh(byId("steps"));
    await refresh(byId("outcome"));
    follow();
    await curves?.refresh();
  } catch (error) {
    console.warn("round page: will look again", error.message); // the server restarts, or the network is away
  }
}

let last = Date.now();
setInterval(() => {
  const wait = ["working", "judging"].includes(situation().situation) ? POLL_MS : SLOW_POLL_MS;
  if (document.hidden || Date.now() - last < wait) return;
  last = Date.now();
  look();
}, 500);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) look();
});

byId("csv").addEventListener("click", () => curves?.downloadCsv());

// --- Clips: one button plays every pair from its start ---

byId("outcome").addEventListener("click", (event) => {
  const button = event.target.closest("#play-all");
  if (!button) return;
  const videos = [...byId("outcome").querySelectorAll("video")];
  const playing = button.classList.toggle("playing");
  button.textContent = playing ? button.dataset.pause : button.dataset.play;
  for (const video of videos) {
    if (playing) {
      video.currentTime = 0;
      video.play().catch(() => {}); // one that can't play stays a picture
    } else video.pause();
  }
});

follow();
curves?.refresh().catch(() => {});
