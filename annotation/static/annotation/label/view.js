/** The labelling page's drawing: from an item and its answers to the page. Decides nothing. */

import { SPEEDS } from "../../workbench/player.js";
import { take } from "./ahead.js";
import { complete, sideOf } from "./answers.js";

const byId = (id) => document.getElementById(id);
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
const SIGNS = { best: "▲", worst: "▼" };

export class View {
  constructor(texts) {
    this.texts = texts;
    this.chinese = document.documentElement.lang.startsWith("zh");
    byId("speed").replaceChildren(...SPEEDS.map((speed) => new Option(`${speed}×`, speed)));
  }

  /** Builds tiles and dimensions of a new item; gives the video elements. */
  show(item) {
    this.item = item;
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
    const broken = new Set(feedback.broken.flatMap((pair) => [pair.dimension, ...pair.broken_by]));
    for (const tile of byId("stage").children) this.#drawTile(tile, answers, active);
    for (const row of byId("dimensions").children) {
      const key = row.dataset.key;
      row.classList.toggle("active", key === active);
      row.classList.toggle("complete", complete(answers, key));
      row.classList.toggle("broken", broken.has(key));
      const answer = row.querySelector(".answer");
      answer.replaceChildren(...this.#chips(answers.picks[key]));
      const choose = row.querySelector(".choose");
      choose.setAttribute("aria-current", key === active ? "true" : "false");
      for (const button of row.querySelectorAll("[data-mark]")) {
        button.setAttribute("aria-pressed", Boolean(answers.picks[key]?.[button.dataset.mark]));
      }
    }
  }

  /** Problems, the first open question, then broken pairs: what wants a key comes before what wants a look. */
  drawFeedback(feedback, refusal) {
    const parts = [];
    if (refusal) parts.push(note("error", refusal));
    const odd = feedback.problems.filter(
      ({ code }) => !["missing_answer", "empty_best", "empty_worst"].includes(code),
    );
    parts.push(...odd.map((problem) => note("error", problem.message)));
    if (odd.some(({ code }) => code === "contradiction")) parts.push(this.#forget());
    const [question] = feedback.questions;
    if (question) {
      const box = byId("question-template").content.cloneNode(true).firstElementChild;
      box.querySelector("p").textContent = question.message;
      parts.push(box);
    }
    if (feedback.broken.length) {
      const box = note("warning", this.texts.broken);
      const list = document.createElement("ul");
      for (const pair of feedback.broken) {
        list.append(Object.assign(document.createElement("li"), { textContent: pair.message }));
      }
      box.append(list);
      parts.push(box);
    }
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
    return this.item.clips.map(({ id }, n) => ({ id, name: fill(this.texts.clip, { n: n + 1 }) }));
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

  spoken(dimension, clip, side) {
    const name = this.item.dimensions.find(({ key }) => key === dimension).name;
    const number = this.item.clips.findIndex(({ id }) => id === clip) + 1;
    this.say(fill(this.texts.spoken[side || "none"], { n: number, dimension: name }));
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
    tile.setAttribute("aria-label", fill(this.texts.clip, { n: number }));
    tile.querySelector(".number").textContent = number;
    tile.querySelector(".which").textContent = number;
    const empty = tile.querySelector("video");
    const video = take(clip.src) ?? Object.assign(empty, { src: clip.src });
    if (video !== empty) empty.replaceWith(video);
    Object.assign(video, { width: clip.width, height: clip.height, tabIndex: -1, disablePictureInPicture: true });
    video.setAttribute("aria-label", fill(this.texts.clip, { n: number }));
    if (this.item.prompt.first_frame) {
      const picture = Object.assign(document.createElement("img"), { className: "peek", alt: "", hidden: true });
      picture.src = this.item.prompt.first_frame;
      video.after(picture);
    }
    return tile;
  }

  #drawTile(tile, answers, active) {
    const side = sideOf(answers, active, tile.dataset.clip);
    tile.dataset.side = side;
    const verdict = tile.querySelector(".verdict");
    verdict.hidden = !side;
    verdict.textContent = side && `${SIGNS[side]} ${this.texts[side]}`;
    const dimension = this.item.dimensions.find(({ key }) => key === active).name;
    for (const button of tile.querySelectorAll(".pick")) {
      const own = button.dataset.side;
      button.setAttribute("aria-pressed", own === side);
      const values = { n: tile.dataset.number, dimension };
      button.setAttribute("aria-label", fill(this.texts.pick[own], values));
    }
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
    return row;
  }

  #chips(picks) {
    if (!picks) return [chip("open", "—")];
    if (picks.tie) return [chip("tie", `= ${this.texts.tie}`)];
    if (picks.cant_judge) return [chip("cant", `∅ ${this.texts.cantJudge}`)];
    return ["best", "worst"].map((side) => {
      const numbers = this.item.clips.flatMap(({ id }, n) => (picks[side].includes(id) ? [n + 1] : []));
      const one = chip(numbers.length ? side : "open", `${SIGNS[side]} ${numbers.join(" ") || "–"}`);
      one.setAttribute("aria-label", `${this.texts[side]}: ${numbers.join(", ") || this.texts.open}`);
      return one;
    });
  }

  #forget() {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: this.texts.answerAgain });
    button.dataset.forget = "";
    return button;
  }
}

function chip(kind, text) {
  return Object.assign(document.createElement("span"), { className: `chip ${kind}`, textContent: text });
}

function note(kind, text) {
  const box = Object.assign(document.createElement("div"), { className: `note ${kind}` });
  box.append(Object.assign(document.createElement("p"), { textContent: text }));
  return box;
}
