/** Marks of a clip as the page shows them: a list with notes, and stretches on the time line. */

import { make } from "./words.js";

const SIGNS = { defect: "−", strength: "+" };
const COMMIT_AFTER = 500; // ms after the last key of a note

/** The marks of a dimension, each with its note; built anew only where others are there, so that typing goes on. */
export class MarkList {
  /** @param does {select, change, end, remove}, each called with a mark's place */
  constructor(texts, does) {
    this.texts = texts;
    this.does = does;
  }

  draw(box, marks, selected, nameOf) {
    const shown = JSON.stringify([marks.map(({ note: _note, ...mark }) => mark), selected]);
    if (this.box !== box || this.shown !== shown) {
      box.replaceChildren(...marks.map((mark) => this.#line(mark, mark.place === selected, nameOf(mark))));
      box.hidden = !marks.length;
      box.querySelector(".selected")?.scrollIntoView({ block: "nearest" });
    }
    Object.assign(this, { box, shown });
    for (const { place, note } of marks) {
      const field = this.#noteOf(place);
      if (field && field !== document.activeElement) field.value = note;
    }
  }

  focusNote(place) {
    this.#noteOf(place)?.focus();
  }

  #noteOf(place) {
    return this.box?.querySelector(`[data-mark="${place}"] input`);
  }

  #line(mark, selected, name) {
    const line = document.getElementById("mark-template").content.cloneNode(true).firstElementChild;
    line.dataset.mark = mark.place;
    line.classList.add(mark.kind);
    line.classList.toggle("selected", selected);
    const choose = line.querySelector(".which-mark");
    choose.textContent = `${SIGNS[mark.kind]} ${name} · ${this.#when(mark)}`;
    choose.setAttribute("aria-pressed", selected);
    choose.addEventListener("click", () => this.does.select(mark.place));
    for (const button of line.querySelectorAll("[data-end]")) {
      button.addEventListener("click", () => this.does.end(mark.place, button.dataset.end));
    }
    line.querySelector(".remove").addEventListener("click", () => this.does.remove(mark.place));
    this.#listen(line.querySelector("input"), mark);
    return line;
  }

  #listen(field, mark) {
    field.value = mark.note;
    let kept = mark.note;
    let timer;
    const commit = () => {
      clearTimeout(timer);
      if (field.value === kept || !field.isConnected) return;
      kept = field.value;
      this.does.change(mark.place, { note: kept });
    };
    field.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(commit, COMMIT_AFTER);
    });
    field.addEventListener("change", commit);
    field.addEventListener("keydown", (event) => {
      if (event.isComposing || (event.key !== "Enter" && event.key !== "Escape")) return;
      event.preventDefault();
      commit();
      field.closest(".dimension").querySelector(".choose").focus({ preventScroll: true });
    });
  }

  #when({ from, to }) {
    if (from === null) return this.texts.whole;
    return from === to ? `${from.toFixed(2)} s` : `${from.toFixed(2)}–${to.toFixed(2)} s`;
  }
}

/** The active clip's marks over the length of what plays. */
export class Timeline {
  constructor(box, does) {
    this.box = box;
    this.head = make("span", "playhead");
    box.append(this.head);
    box.addEventListener("click", (event) => {
      const mark = event.target.closest("[data-mark]");
      if (mark) return does.select(Number(mark.dataset.mark));
      const { left, width } = box.getBoundingClientRect();
      does.seek(Math.min(Math.max((event.clientX - left) / width, 0), 1));
    });
  }

  draw(marks, duration, { active, selected }) {
    const stretches = marks
      .filter(({ from }) => from !== null)
      .map((mark) => {
        const one = make("button", `stretch ${mark.kind}`);
        Object.assign(one, { type: "button", title: mark.note ? `${mark.label}: ${mark.note}` : mark.label, tabIndex: -1 });
        one.setAttribute("aria-label", one.title);
        one.dataset.mark = mark.place;
        one.classList.toggle("selected", mark.place === selected);
        one.classList.toggle("elsewhere", mark.dimension !== active);
        one.style.setProperty("--from", `${(100 * mark.from) / duration}%`);
        one.style.setProperty("--length", `${(100 * (mark.to - mark.from)) / duration}%`);
        return one;
      });
    this.box.replaceChildren(...stretches, this.head);
  }

  /** @param share of the length, 0..1, that has been played */
  at(share) {
    this.head.style.setProperty("--at", `${100 * share}%`);
  }
}
