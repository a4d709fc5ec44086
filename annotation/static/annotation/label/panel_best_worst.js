/**
 * The answers of a best/worst item: picks on the clips, ties, questions and pairs that contradict each other.
 *
 * A panel knows one protocol; `label.js` says what panels have to offer and calls them.
 */

import * as answers from "./answers_best_worst.js";
import { fill, make, note } from "./words.js";

const SIGNS = { best: "▲", worst: "▼" };
const LETTERS = {
  KeyT: ["tie"],
  KeyC: ["cant_judge"],
  KeyY: ["yes"],
  KeyN: ["no"],
  KeyX: ["cant_tell"],
};

export class Panel {
  form = "picks";

  constructor(page) {
    this.page = page;
    this.texts = page.texts;
    document.getElementById("stage").addEventListener("click", (event) => {
      const button = event.target.closest(".pick");
      if (button) this.#pick(button.dataset.side, Number(button.closest(".clip").dataset.number));
    });
    document.getElementById("dimensions").addEventListener("click", (event) => {
      const marked = event.target.closest("[data-mark]");
      if (marked) this.#mark(marked.dataset.mark, marked.closest(".dimension").dataset.key);
    });
    document.getElementById("feedback").addEventListener("click", (event) => {
      const button = event.target.closest("[data-reply]");
      if (button) this.#reply(button.dataset.reply);
      if (event.target.closest("[data-forget]")) page.change(answers.withComparisons(page.work.answers, []));
    });
  }

  empty = answers.empty;
  complete = answers.complete;

  start() {}

  /** Whether an answer was begun that can't be sent as it is. */
  begun(said, key) {
    return Boolean(said.picks[key]);
  }

  meaning(event) {
    const digit = /^(?:Digit|Numpad)([1-8])$/.exec(event.code)?.[1];
    if (digit) return [event.shiftKey ? "worst" : "best", Number(digit)];
    return event.repeat ? null : LETTERS[event.code];
  }

  acts = {
    best: (number) => this.#pick("best", number),
    worst: (number) => this.#pick("worst", number),
    tie: () => this.#mark("tie"),
    cant_judge: () => this.#mark("cant_judge"),
    yes: () => this.#reply("yes"),
    no: () => this.#reply("no"),
    cant_tell: () => this.#reply("cant_tell"),
  };

  across(by) {
    this.page.move(by);
  }

  /** The answers, without the replies that the picks no longer raise. */
  kept(said, feedback) {
    return feedback.comparisons.length < said.comparisons.length
      ? answers.withComparisons(said, feedback.comparisons)
      : said;
  }

  /** What wants another look before the answers are sent. */
  waits(feedback) {
    return feedback.questions.length ? this.texts.questionsOpen : "";
  }

  // --- Changes ----------------------------------------------------------------------------------------

  #pick(side, number, dimension = this.page.work.active) {
    const { item, answers: said } = this.page.work;
    const clip = item.clips[number - 1];
    if (!clip) return;
    const before = answers.complete(said, dimension);
    const clips = item.clips.map(({ id }) => id);
    const changed = answers.pick(said, dimension, clip.id, side, clips);
    this.page.change(changed, this.#spoken(dimension, number, answers.sideOf(changed, dimension, clip.id)));
    if (!before && answers.complete(changed, dimension)) this.page.advance();
  }

  #mark(what, dimension = this.page.work.active) {
    const changed = answers.mark(this.page.work.answers, dimension, what);
    this.page.change(changed);
    if (answers.complete(changed, dimension)) this.page.advance();
  }

  #reply(answer) {
    const { answers: said, feedback } = this.page.work;
    const [question] = feedback.questions;
    if (question) this.page.change(answers.reply(said, question, answer));
  }

  #spoken(dimension, number, side) {
    return fill(this.texts.spoken[side || "none"], { n: number, dimension: this.page.nameOf(dimension) });
  }

  // --- Drawing ----------------------------------------------------------------------------------------

  buildTile() {}

  buildRow() {}

  drawTile(tile, said, active) {
    const side = answers.sideOf(said, active, tile.dataset.clip);
    tile.dataset.side = side;
    const verdict = tile.querySelector(".verdict");
    verdict.hidden = !side;
    verdict.textContent = side && `${SIGNS[side]} ${this.texts[side]}`;
    for (const button of tile.querySelectorAll(".pick")) {
      const own = button.dataset.side;
      button.setAttribute("aria-pressed", own === side);
      const values = { n: tile.dataset.number, dimension: this.page.nameOf(active) };
      button.setAttribute("aria-label", fill(this.texts.pick[own], values));
    }
  }

  drawRow(row, said, _active, feedback) {
    const { key } = row.dataset;
    const broken = feedback.broken.some((pair) => pair.dimension === key || pair.broken_by.includes(key));
    row.classList.toggle("broken", broken);
    row.querySelector(".answer").replaceChildren(...this.#chips(said.picks[key]));
    for (const button of row.querySelectorAll("[data-mark]")) {
      button.setAttribute("aria-pressed", Boolean(said.picks[key]?.[button.dataset.mark]));
    }
  }

  drawRest() {}

  /** The first open question, then broken pairs: what wants a key comes before what wants a look. */
  feedback(feedback) {
    const parts = [];
    if (feedback.problems.some(({ code }) => code === "contradiction")) parts.push(this.#forget());
    const [question] = feedback.questions;
    if (question) {
      const box = document.getElementById("question-template").content.cloneNode(true).firstElementChild;
      box.querySelector("p").textContent = question.message;
      parts.push(box);
    }
    if (feedback.broken.length) {
      const box = note("warning", this.texts.broken);
      const list = make("ul");
      for (const pair of feedback.broken) list.append(make("li", "", pair.message));
      box.append(list);
      parts.push(box);
    }
    return parts;
  }

  #chips(picks) {
    if (!picks) return [chip("open", "—")];
    if (picks.tie) return [chip("tie", `= ${this.texts.tie}`)];
    if (picks.cant_judge) return [chip("cant", `∅ ${this.texts.cantJudge}`)];
    return ["best", "worst"].map((side) => {
      const { clips } = this.page.work.item;
      const numbers = clips.flatMap(({ id }, n) => (picks[side].includes(id) ? [n + 1] : []));
      const one = chip(numbers.length ? side : "open", `${SIGNS[side]} ${numbers.join(" ") || "–"}`);
      one.setAttribute("aria-label", `${this.texts[side]}: ${numbers.join(", ") || this.texts.open}`);
      return one;
    });
  }

  #forget() {
    const button = Object.assign(make("button", "", this.texts.answerAgain), { type: "button" });
    button.dataset.forget = "";
    return button;
  }
}

function chip(kind, text) {
  return make("span", `chip ${kind}`, text);
}
