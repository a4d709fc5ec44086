/** Deciding a dispute: the clips on one clock; a clip is best or worst, or the dimension is marked. */

import { Player } from "../workbench/player.js";

const videos = [...document.querySelectorAll("#shown video")];
const player = new Player(videos, JSON.parse(document.getElementById("clips").textContent));
const play = document.getElementById("play");

player.addEventListener("state", () => play.setAttribute("aria-pressed", player.playing));
play.addEventListener("click", () => player.toggle());
player.ready.then(
  () => player.play(),
  () => {},
);

document.querySelector(".decisions").addEventListener("change", ({ target }) => {
  if (!target.checked) return;
  const [side] = target.name.split(":");
  for (const box of target.closest("fieldset").querySelectorAll("input:checked")) {
    if (box === target) continue;
    const [other] = box.name.split(":");
    const clash = side === "mark" || other === "mark" || (box.value === target.value && other !== side);
    if (clash) box.checked = false;
  }
});
