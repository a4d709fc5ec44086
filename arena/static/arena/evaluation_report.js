/** The report's page: its figures, and clips that play together. */

import { drawFigures } from "../workbench/figure.js";

const read = (id) => JSON.parse(document.getElementById(id).textContent);

drawFigures({ figures: read("figures"), words: read("chart-words"), file: document.getElementById("report").dataset.file });

for (const button of document.querySelectorAll("[data-play]")) {
  button.addEventListener("click", () => {
    const videos = [...button.closest("article").querySelectorAll("video")];
    const start = videos[0].paused;
    for (const video of videos) {
      if (start) {
        video.currentTime = 0;
        video.play().catch(() => {}); // one that can't play stays a picture
      } else video.pause();
    }
    button.textContent = start ? button.dataset.pause : button.dataset.play;
  });
}
