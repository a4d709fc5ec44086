/** The labelling page's drawing: from an item and its answers to the page. Decides nothing. */

import { SPEEDS } from "../../workbench/player.js";
import { take } from "./ahead.js";
import { fill, note } from "./words.js";

const byId = (id) => document.getElementById(id);
const MISSING = ["missing_answer", "empty_best", "empty_worst", "missing_score", "missing_verdict"];

export class View {
  constructor(texts) {
    this.texts = texts;
    this.chinese = document.documentElement.lang.startsWith("zh");
    byId("speed").replaceChildren(...SPEEDS.map((speed) => new Option(`${speed}×`, speed)));
  }

  /** Builds tiles and dimensions of a new item; gives the video elements. */
  show(item, panel) {
    this.item = item;
    this.panel = panel;
    byId("loading").hidden = byId("nothing").hidden = true;
    byId("work").hidden = false;
    const { text_en: english, text_zh: chinese } = item.prompt;
    this.#prompt("prompt-first", this.chinese ? chinese || english : english || chinese);
    this.#prompt("prompt-second", english && chinese ? (this.chinese ? english : chinese) : "");
    const { categories } = item.prompt;
    byId("categories").replaceChildren(...categories.map((category) => this.#category(category)));
    byId("categories").hidden = !categories.length;
    const picture = item.prompt.first_frame;
    byId("first-frame").hidden = !picture;
    if (picture) byId("first-frame").querySelector("img").src = picture;
    const { judged, wanted } = item.campaign;
    byId("work").dataset.n = item.clips.length;
    byId("progress").textContent = item.supersedes
      ? this.texts.correcting
      : fill(this.texts.progress, { judged: Math.min(judged, wanted), wanted });
    const stage = byId("stage");
    stage.dataset.n = item.clips.length;
    stage.replaceChildren(...item.clips.map((clip, n) => this.#tile(clip, n + 1)));
    byId("dimensions").replaceChildren(...item.dimensions.map((dimension) => this.#dimension(dimension)));
    return [...stage.querySelectorAll("video")];
  }

  nothing(code) {
    byId("loading").hidden = byId("work").hidden = true;
    byId("nothing").hidden = false;
    byId("nothing-text").textContent = this.texts.nothing[code] ?? code;
  }

  /** Marks on tiles and dimensions. `active` is a dimension's key. */
  draw(answers, active, feedback) {
    for (const tile of byId("stage").children) this.panel.drawTile(tile, answers, active);
    for (const row of byId("dimensions").children) {
      const key = row.dataset.key;
      row.classList.toggle("active", key === active);
      row.classList.toggle("complete", this.panel.complete(answers, key));
      row.querySelector(".choose").setAttribute("aria-current", key === active ? "true" : "false");
      this.panel.drawRow(row, answers, active, feedback);
    }
    this.panel.drawRest(answers, active);
  }

  /** Why something can't be done, problems, then what the panel has to say. */
  drawFeedback(feedback, refusal) {
    const parts = [];
    if (refusal) parts.push(note("error", refusal));
    const odd = feedback.problems.filter(({ code }) => !MISSING.includes(code));
    parts.push(...odd.map((problem) => note("error", problem.message)));
    if (this.panel) parts.push(...this.panel.feedback(feedback));
    byId("feedback").replaceChildren(...parts);
  }

  drawPlayer(player) {
    byId("play").classList.toggle("playing", player.playing);
    byId("play").querySelector(".sign").textContent = player.playing ? "❚❚" : "▶";
    byId("loop").setAttribute("aria-pressed", player.loop);
    byId("speed").value = String(player.speed);
    byId("seek").value = String((player.position / player.duration) * 1000);
    byId("clock").textContent = `${player.position.toFixed(2)} / ${player.duration.toFixed(2)} s`;
    [...byId("stage").children].forEach((tile, n) => {
      tile.classList.toggle("waits", player.playing && !player.follows(n));
    });
  }

  /** How many seconds must still be played before a judgement is taken. */
  drawLeast(seconds, correcting) {
    const open = seconds > 0 && !correcting;
    byId("least").hidden = !open;
    if (open) byId("least").textContent = fill(this.texts.playMore, { n: Math.ceil(seconds) });
  }

  /** Whether clips play in turn, and why, where the page decided it. */
  drawTurns(on, why) {
    byId("turns").setAttribute("aria-pressed", on);
    byId("turns-why").textContent = on ? why : "";
    byId("turns-why").hidden = !on || !why;
  }

  drawFlag(clip) {
    const tile = [...byId("stage").children].find(({ dataset }) => dataset.clip === clip);
    tile.querySelector(".flagged").hidden = false;
    this.say(fill(this.texts.flagged, { n: tile.dataset.number }));
  }

  /** What the clips are called here, with their ids. */
  clipNames() {
    return this.item.clips.map(({ id }, n) => ({ id, name: this.#nameOf(n + 1) }));
  }

  saved(state) {
    byId("saved").textContent = this.texts.saved[state] ?? "";
    byId("saved").dataset.state = state;
  }

  unsent(count) {
    byId("saved").textContent = fill(this.texts.unsent, { n: count });
    byId("saved").dataset.state = "offline";
  }

  say(text) {
    byId("spoken").textContent = text;
  }

  #nameOf(number) {
    return this.panel.clipName?.(number) ?? fill(this.texts.clip, { n: number });
  }

  #prompt(id, text) {
    byId(id).textContent = text;
    byId(id).hidden = !text;
    byId(id).lang = /[\u3400-\u9fff]/.test(text) ? "zh-Hans" : "en";
  }

  /** A category of the taxonomy, named in the page's language; the other name is its explanation. */
  #category({ name_en: english, name_zh: chinese }) {
    const [first, second] = this.chinese ? [chinese, english] : [english, chinese];
    const badge = Object.assign(document.createElement("li"), { className: "badge", textContent: first });
    const other = Object.assign(document.createElement("span"), { textContent: ` ${second}` });
    other.lang = this.chinese ? "en" : "zh-Hans";
    if (second && second !== first) badge.append(other);
    return badge;
  }

  #tile(clip, number) {
    const tile = byId("clip-template").content.cloneNode(true).firstElementChild;
    tile.dataset.clip = clip.id;
    tile.dataset.number = number;
    tile.setAttribute("aria-label", this.#nameOf(number));
    for (const place of tile.querySelectorAll(".number, .which")) place.textContent = number;
    const empty = tile.querySelector("video");
    const video = take(clip.src) ?? Object.assign(empty, { src: clip.src });
    if (video !== empty) empty.replaceWith(video);
    Object.assign(video, { width: clip.width, height: clip.height, tabIndex: -1, disablePictureInPicture: true });
    video.setAttribute("aria-label", this.#nameOf(number));
    if (this.item.prompt.first_frame) {
      const picture = Object.assign(document.createElement("img"), { className: "peek", alt: "", hidden: true });
      picture.src = this.item.prompt.first_frame;
      video.after(picture);
    }
    this.panel.buildTile(tile, clip, number);
    return tile;
  }

  #dimension(dimension) {
    const row = byId("dimension-template").content.cloneNode(true).firstElementChild;
    row.dataset.key = dimension.key;
    row.querySelector(".name").textContent = dimension.name + (dimension.required ? "" : ` ${this.texts.optional}`);
    const definition = row.querySelector(".definition");
    definition.textContent = dimension.definition;
    definition.id = `definition-${dimension.key}`;
    row.querySelector(".choose").setAttribute("aria-describedby", definition.id);
    row.querySelector(".choose").title = dimension.definition;
    this.panel.buildRow(row, dimension);
    return row;
  }
}
