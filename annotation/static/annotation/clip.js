/** A clip's page: the player with one clip. */

import { Player } from "../workbench/player.js";

const byId = (id) => document.getElementById(id);
const clip = JSON.parse(byId("clip-times").textContent);
const player = new Player([byId("video")], [clip]);

function draw() {
  byId("play").textContent = player.playing ? "❚❚" : "▶";
  byId("seek").value = String((player.position / player.duration) * 1000);
  const values = { n: player.frameOf(clip) + 1, all: clip.frame_times.length };
  byId("clock").textContent = byId("clock").dataset.text.replace(/\{(\w+)\}/g, (_whole, name) => values[name]);
}

player.addEventListener("time", draw);
player.addEventListener("state", draw);
byId("play").addEventListener("click", () => player.toggle());
byId("back").addEventListener("click", () => player.step(-1));
byId("on").addEventListener("click", () => player.step(1));
byId("seek").addEventListener("input", (event) => player.seek((Number(event.target.value) / 1000) * player.duration));
