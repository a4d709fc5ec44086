/**
 * The answers of a Likert item: a score from 1 to 5 for each clip in each dimension, beside what each score means,
 * and defects and strengths, marked by aspect on the time line. Keys speak of the active clip and dimension.
 */

import * as answers from "./answers_likert.js";
import { MarkList, Timeline } from "./marks.js";
import { fill, make, note } from "./words.js";

const byId = (id) => document.getElementById(id);
const SIGNS = { defect: "−", strength: "+" };

export class Panel {
  form = "scores";
  /** Index of the active clip. */
  place = 0;
  /** A mark that waits for its aspect: {kind, from, to}; else null. */
  choosing = null;
  /** Place of the mark that keys speak of, in the list of all; -1: none. */
  selected = -1;

  constructor(page) {
    this.page = page;
    this.texts = page.texts.likert;
    this.list = new MarkList(this.texts, {
      select: (mark) => this.#select(mark),
      change: (mark, changes) => this.#changeMark(mark, changes),
      end: (mark, end) => this.#end(end, mark),
      remove: (mark) => this.#remove(mark),
    });
    this.timeline = new Timeline(byId("timeline"), {
      select: (mark) => this.#select(mark, true),
      seek: (share) => page.seek(share * page.work.player.duration),
    });
    byId("stage").addEventListener("click", (event) => {
      const button = event.target.closest("[data-score]");
      const tile = event.target.closest(".clip");
      if (button) this.#score(Number(button.dataset.score), indexOf(button));
      else if (tile) this.#look(indexOf(tile));
    });
    byId("stage").addEventListener("focusin", (event) => {
      const tile = event.target.closest(".clip");
      if (tile && page.work) this.#look(indexOf(tile));
    });
    byId("dimensions").addEventListener("click", (event) => {
      const { anchor, kind, aspect } = event.target.closest("button")?.dataset ?? {};
      if (anchor) this.#score(Number(anchor));
      else if (kind) this.#tick(kind, aspect);
    });
  }

  empty = answers.empty;

  complete = (said, key) => answers.complete(said, key, this.page.work.item.clips);

  start() {
    this.choosing = null;
    this.selected = -1;
    this.place = 0;
    const { item, answers: said } = this.page.work;
    const open = item.dimensions.find(({ key }) => !this.complete(said, key));
    if (open) this.place = this.#firstOpen(open.key);
  }

  begun() {
    return false; // where a dimension may stay open, each clip's score is an answer of its own
  }

  meaning(event) {
    const { code, shiftKey: shift } = event;
    if (event.repeat) return null;
    const digit = Number(/^(?:Digit|Numpad)([1-9])$/.exec(code)?.[1]);
    if (this.choosing) {
      if (digit) return ["aspect", digit - 1];
      if (code === "Escape") return ["give_up"];
    }
    if (digit >= 1 && digit <= 5 && !shift) return ["score", digit];
    const keys = {
      KeyX: ["mark", ["defect", shift]],
      KeyV: ["mark", ["strength", shift]],
      KeyM: ["next_mark", shift ? -1 : 1],
      KeyN: ["note"],
      Delete: ["remove"],
      Backspace: ["remove"],
      KeyI: shift && ["end", "from"],
      KeyO: shift && ["end", "to"],
    };
    return keys[code] || null;
  }

  acts = {
    score: (value) => this.#score(value),
    mark: ([kind, whole]) => this.#begin(kind, whole),
    aspect: (index) => this.#choose(index),
    give_up: () => this.#giveUp(),
    next_mark: (by) => this.#next(by),
    note: () => this.#note(),
    remove: () => this.#remove(this.selected),
    end: (end) => this.#end(end),
  };

  /** To the clip beside; of one clip alone, to another dimension. */
  across(by) {
    const { length } = this.page.work.item.clips;
    if (length === 1) return this.page.move(by);
    this.#look((this.place + by + length) % length);
  }

  looksAt(index) {
    this.#look(index);
  }

  kept = (said) => said;

  waits = () => "";

  // --- Scores -----------------------------------------------------------------------------------------

  #score(value, place = this.place) {
    const { item, answers: said, active } = this.page.work;
    this.place = place;
    this.choosing = null;
    const clip = item.clips[place].id;
    const changed = answers.score(said, active, clip, value);
    const given = answers.scoreOf(changed, active, clip);
    const words = { n: place + 1, score: value, dimension: this.page.nameOf(active) };
    this.page.change(changed, fill(given ? this.texts.scored : this.texts.taken, words));
    if (given) this.#goOn();
  }

  /** To the next clip that has no score here, else to the next dimension that lacks one. */
  #goOn() {
    const { active } = this.page.work;
    if (!this.complete(this.page.work.answers, active)) return this.#look(this.#firstOpen(active));
    this.page.advance();
    if (this.page.work.active !== active) this.#look(this.#firstOpen(this.page.work.active));
  }

  #firstOpen(dimension) {
    const { item, answers: said } = this.page.work;
    return Math.max(0, item.clips.findIndex(({ id }) => !answers.scoreOf(said, dimension, id)));
  }

  #look(index) {
    if (index === this.place) return;
    this.place = index;
    this.choosing = null;
    this.selected = -1;
    this.page.show(index);
    this.page.redraw();
  }

  // --- Marks ------------------------------------------------------------------------------------------

  get #clip() {
    return this.page.work.item.clips[this.place];
  }

  get #now() {
    const { position } = this.page.work.player;
    return Math.round(Math.min(position, this.#clip.duration) * 1000) / 1000;
  }

  /** A mark of this kind, here and now or of the whole clip; of which aspect is asked next. */
  #begin(kind, whole) {
    const at = whole ? null : this.#now;
    this.choosing = { kind, from: at, to: at };
    const { aspects } = this.#dimension;
    if (aspects.length < 2) return this.#choose(0);
    this.page.say(this.#question);
    this.page.redraw();
  }

  #choose(index) {
    const aspect = aspectsOf(this.#dimension)[index];
    if (aspect) this.#add(aspect.key, this.choosing);
  }

  #add(aspect, { kind, from, to }) {
    const { active, answers: said } = this.page.work;
    const mark = { clip: this.#clip.id, dimension: active, aspect, kind, from, to, note: "" };
    this.choosing = null;
    this.selected = said.marks.length;
    this.page.change(answers.withMark(said, mark), `${this.texts[kind]}: ${this.#aspectName(mark)}`);
  }

  /** Says that the whole clip has it, or takes back what was said of it last. */
  #tick(kind, aspect) {
    const { active, answers: said } = this.page.work;
    const marks = answers.marksOf(said, this.#clip.id, active);
    const last = marks.findLast((mark) => mark.aspect === aspect && mark.kind === kind);
    if (last) this.#remove(last.place);
    else this.#add(aspect, { kind, from: null, to: null });
  }

  #giveUp() {
    this.choosing = null;
    this.page.redraw();
  }

  #select(place, seek = false) {
    const mark = this.page.work.answers.marks[place];
    this.selected = place;
    if (mark.dimension !== this.page.work.active) this.page.activate(mark.dimension);
    else this.page.redraw();
    if (seek && mark.from !== null) this.page.seek(mark.from);
  }

  #next(by) {
    const marks = answers.marksOf(this.page.work.answers, this.#clip.id);
    if (!marks.length) return;
    const now = marks.findIndex(({ place }) => place === this.selected);
    const next = now < 0 ? (by > 0 ? 0 : marks.length - 1) : (now + by + marks.length) % marks.length;
    this.#select(marks[next].place, true);
  }

  #changeMark(place, changes) {
    this.page.change(answers.changedMark(this.page.work.answers, place, changes));
  }

  /** Puts an end of a mark at the moment that is shown. */
  #end(end, place = this.selected) {
    const mark = this.page.work.answers.marks[place];
    if (!mark) return this.page.refuse(this.texts.noMark);
    this.selected = place;
    this.#changeMark(place, answers.withEnd(mark, end, this.#now));
  }

  #remove(place) {
    if (!this.page.work.answers.marks[place]) return;
    this.selected = -1;
    this.page.change(answers.withoutMark(this.page.work.answers, place), this.texts.removed);
    this.page.focus();
  }

  #note() {
    if (!this.page.work.answers.marks[this.selected]) return this.page.refuse(this.texts.noMark);
    this.list.focusNote(this.selected);
  }

  get #question() {
    const { kind, from } = this.choosing;
    return fill(this.texts.which[from === null ? `whole_${kind}` : kind], { from: from?.toFixed(2) });
  }

  get #dimension() {
    return this.page.work.item.dimensions.find(({ key }) => key === this.page.work.active);
  }

  // --- Drawing ----------------------------------------------------------------------------------------

  buildTile() {}

  buildRow(row, dimension) {
    const { anchors } = dimension;
    const buttons = row.querySelectorAll("[data-anchor]");
    for (const [n, text] of anchors.entries()) buttons[n].querySelector(".means").textContent = text;
    row.querySelector(".aspects").replaceChildren(
      ...aspectsOf(dimension).map((aspect, n) => {
        const line = byId("aspect-template").content.cloneNode(true).firstElementChild;
        line.querySelector(".aspect-name").textContent = aspect.name;
        line.querySelector(".aspect-name").title = aspect.definition;
        line.querySelector("kbd").textContent = n + 1;
        for (const button of line.querySelectorAll("button")) {
          button.dataset.aspect = aspect.key;
          const what = this.texts[button.dataset.kind];
          button.setAttribute("aria-label", `${what}: ${aspect.name}`);
          button.title = `${what}: ${aspect.name}`;
        }
        return line;
      }),
    );
  }

  drawTile(tile, said, active) {
    const index = indexOf(tile);
    tile.classList.toggle("chosen", index === this.place && this.page.work.item.clips.length > 1);
    const given = answers.scoreOf(said, active, tile.dataset.clip);
    const { anchors } = this.#dimension;
    for (const button of tile.querySelectorAll("[data-score]")) {
      const value = Number(button.dataset.score);
      button.setAttribute("aria-pressed", value === given);
      const words = { n: index + 1, score: value, dimension: this.page.nameOf(active) };
      button.setAttribute("aria-label", fill(this.texts.give, words));
      button.title = anchors[value - 1] ?? "";
    }
  }

  drawRow(row, said, active) {
    const { key } = row.dataset;
    const { clips } = this.page.work.item;
    row.querySelector(".answer").replaceChildren(
      ...clips.map(({ id }, n) => {
        const given = answers.scoreOf(said, key, id);
        const one = make("span", `chip ${given ? "score" : "open"}`, given ?? "–");
        one.classList.toggle("chosen", clips.length > 1 && n === this.place && key === active);
        const words = { n: n + 1, score: given ?? this.page.texts.open, dimension: this.page.nameOf(key) };
        one.setAttribute("aria-label", fill(this.texts.scored, words));
        return one;
      }),
    );
    if (key !== active) return;
    const clip = this.#clip.id;
    for (const button of row.querySelectorAll("[data-anchor]")) {
      button.setAttribute("aria-pressed", Number(button.dataset.anchor) === answers.scoreOf(said, key, clip));
    }
    const marks = answers.marksOf(said, clip, key);
    for (const button of row.querySelectorAll("[data-kind]")) {
      const { aspect, kind } = button.dataset;
      const count = marks.filter((mark) => mark.aspect === aspect && mark.kind === kind).length;
      button.textContent = `${SIGNS[kind]}${count > 1 ? count : ""}`;
      button.setAttribute("aria-pressed", count > 0);
    }
    row.classList.toggle("choosing", Boolean(this.choosing));
    const ask = row.querySelector(".ask");
    ask.hidden = !this.choosing;
    if (this.choosing) ask.textContent = this.#question;
    this.list.draw(row.querySelector(".mark-list"), marks, this.selected, (mark) => this.#aspectName(mark));
  }

  drawRest(said, active) {
    const marks = answers.marksOf(said, this.#clip.id);
    const named = marks.map((mark) => ({ ...mark, label: `${this.texts[mark.kind]}: ${this.#aspectName(mark)}` }));
    this.timeline.draw(named, this.page.work.player.duration, { active, selected: this.selected });
  }

  tick() {
    const { position, duration } = this.page.work.player;
    this.timeline.at(position / duration);
  }

  feedback(feedback) {
    return feedback.doubts.map(({ message }) => note("warning", message));
  }

  #aspectName({ dimension, aspect }) {
    const of = this.page.work.item.dimensions.find(({ key }) => key === dimension);
    return of ? (aspectsOf(of).find(({ key }) => key === aspect)?.name ?? of.name) : "";
  }
}

/** A dimension without aspects is its own only one. */
const aspectsOf = ({ aspects, name, definition }) => (aspects.length ? aspects : [{ key: "", name, definition }]);

const indexOf = (element) => Number(element.closest(".clip").dataset.number) - 1;
