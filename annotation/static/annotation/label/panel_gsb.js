/** The answers of a good/same/bad item: in each dimension, which of two clips is better, by side. */

import { fill, make, note } from "./words.js";

const SIDES = ["left", "same", "right"];
const SIGNS = { left: "◀", same: "=", right: "▶" };

export class Panel {
  form = "verdicts";

  constructor(page) {
    this.page = page;
    this.texts = page.texts.gsb;
    document.getElementById("dimensions").addEventListener("click", (event) => {
      const button = event.target.closest("[data-verdict]");
      if (button) this.#say(button.dataset.verdict, button.closest(".dimension").dataset.key);
    });
  }

  empty = () => ({ verdicts: {} });

  complete = (said, key) => Boolean(said.verdicts[key]);

  start() {}

  begun() {
    return false;
  }

  meaning(event) {
    const digit = /^(?:Digit|Numpad)([1-3])$/.exec(event.code)?.[1];
    return digit && !event.shiftKey && !event.repeat ? ["verdict", SIDES[digit - 1]] : null;
  }

  acts = { verdict: (side) => this.#say(side) };

  across(by) {
    this.page.move(by);
  }

  kept = (said) => said;

  waits = () => "";

  clipName(number) {
    return this.texts.clips[number - 1];
  }

  /** The same answer again takes it back. */
  #say(side, dimension = this.page.work.active) {
    const { verdicts } = this.page.work.answers;
    const changed = { ...verdicts, [dimension]: side };
    if (verdicts[dimension] === side) delete changed[dimension];
    const what = changed[dimension] ? this.texts.verdict[side] : this.texts.taken;
    this.page.change({ verdicts: changed }, fill(what, { dimension: this.page.nameOf(dimension) }));
    if (changed[dimension]) this.page.advance();
  }

  buildTile(tile, _clip, number) {
    for (const place of tile.querySelectorAll(".number, .which")) place.textContent = this.clipName(number);
  }

  buildRow() {}

  drawTile(tile, said, active) {
    const side = said.verdicts[active];
    const own = SIDES[(Number(tile.dataset.number) - 1) * 2];
    tile.dataset.side = side === own ? "best" : "";
    const verdict = tile.querySelector(".verdict");
    verdict.hidden = side !== own;
    verdict.textContent = side === own ? `▲ ${this.texts.better}` : "";
  }

  drawRow(row, said) {
    const side = said.verdicts[row.dataset.key];
    const answer = side ? `${SIGNS[side]} ${this.texts.short[side]}` : "—";
    row.querySelector(".answer").replaceChildren(make("span", `chip ${side ? "tie" : "open"}`, answer));
    for (const button of row.querySelectorAll("[data-verdict]")) {
      button.setAttribute("aria-pressed", button.dataset.verdict === side);
    }
  }

  drawRest() {}

  feedback(feedback) {
    return feedback.doubts.map(({ message }) => note("warning", message));
  }
}
