/** Pairs as videos: each pair has one clock for its two clips, and one pair plays at a time. */

import { Player } from "../workbench/player.js";

const clips = JSON.parse(document.getElementById("pair-clips").textContent);
const cards = [...document.querySelectorAll("#pairs > .pair")];
const players = new Map();
let current = null;

for (const card of cards) {
  const videos = [...card.querySelectorAll("video")];
  if (!clips[card.dataset.best] || !clips[card.dataset.worst]) {
    for (const control of card.querySelectorAll(".transport > *")) control.disabled = true;
    continue;
  }
  for (const button of card.querySelectorAll("[data-do]")) {
    button.addEventListener("click", () => act(card, button.dataset.do));
  }
  card.querySelector("input").addEventListener("input", async (event) => {
    const player = await playerOf(card);
    player.seek((Number(event.target.value) / 1000) * player.duration);
  });
  for (const video of videos) video.addEventListener("click", () => act(card, "play"));
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, select, textarea, button, a")) return;
  const key = event.key.toLowerCase();
  if (key === "j" || key === "k") go(key === "j" ? 1 : -1);
  else if (current && (key === " " || key === "," || key === ".")) {
    event.preventDefault();
    act(current, { " ": "play", ",": "back", ".": "on" }[key]);
  }
});

document.getElementById("pairs").addEventListener("focusin", (event) => choose(event.target.closest(".pair")));

function go(direction) {
  const next = cards[current ? cards.indexOf(current) + direction : 0];
  if (!next) return;
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

function choose(card) {
  current = card;
}

async function act(card, what) {
  choose(card);
  const player = await playerOf(card);
  if (what === "back") return player.step(-1);
  if (what === "on") return player.step(1);
  for (const other of players.values()) if (other !== player && other.playing) other.pause();
  return player.toggle();
}

/** The card's player; its clips are fetched when it is first asked for. */
async function playerOf(card) {
  const there = players.get(card);
  if (there) return there;
  const videos = [...card.querySelectorAll("video")];
  for (const video of videos) {
    video.preload = "auto";
    video.src = video.dataset.src;
  }
  const player = new Player(videos, [clips[card.dataset.best], clips[card.dataset.worst]]);
  players.set(card, player);
  const draw = () => {
    card.querySelector("[data-do=play]").textContent = player.playing ? "❚❚" : "▶";
    card.querySelector("input").value = String((player.position / player.duration) * 1000);
  };
  player.addEventListener("time", draw);
  player.addEventListener("state", draw);
  await player.ready;
  card.dataset.ready = "true";
  return player;
}
