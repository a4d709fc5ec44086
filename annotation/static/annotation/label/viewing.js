/**
 * How the clips are looked at: all in a grid, one alone, or two in one place (taking turns, cut by an edge, or
 * as their difference), and with what zoom, the same for every clip. All videos stay where they are in the page
 * and run on; only what is seen of them changes. Knows nothing of answers or of the player.
 */

const byId = (id) => document.getElementById(id);
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
const PAIRS = new Set(["flicker", "wipe", "difference"]);
const MOST = 16; // times
const STEP = Math.SQRT2; // per key or turn of the wheel
const ALTERNATE = 600; // ms a clip is seen: well below three flashes a second
const GAINS = [1, 4, 16];
const DRAG_FROM = 4; // px: less is a click

export class Viewing {
  /** @param changed called when other clips are seen, or another mode is on; @param say speaks to screen readers */
  constructor(texts, changed, say) {
    this.texts = texts;
    this.changed = changed;
    this.say = say;
    this.stage = byId("stage");
    this.#buttons();
    this.#pointer();
  }

  /** Another item of `count` clips: everything is back at its beginning. */
  reset(count) {
    this.count = count;
    this.pair = [0, 1];
    this.peeking = false;
    this.edge = 50;
    this.gain = 1; // index
    this.zoom = { z: 1, x: 0, y: 0 };
    for (const id of ["first", "second"]) {
      byId(id).replaceChildren(...Array.from({ length: count }, (_one, n) => new Option(n + 1, n)));
    }
    this.mode = "grid";
    this.front = 0;
    this.setAutomatic(false);
    this.changed();
  }

  /** Indexes of the clips that can be seen. */
  get seen() {
    if (this.mode === "grid") return Array.from({ length: this.count }, (_one, n) => n);
    return this.mode === "solo" ? [this.pair[0]] : this.pair;
  }

  /** The same key again: the next clip alone; the other of two that take turns; more of the difference. */
  setMode(mode) {
    if (PAIRS.has(mode) && this.count < 2) return;
    if (mode !== this.mode) return this.#enter(mode);
    if (mode === "solo") return this.across(1);
    if (mode === "flicker") return this.swap();
    if (mode === "difference") this.gain = (this.gain + 1) % GAINS.length;
    if (mode === "grid") this.setZoom({ z: 1, x: 0, y: 0 });
    this.draw();
  }

  /** To the neighbour clip or pair; in the wipe, moves the edge. */
  across(by) {
    if (this.mode === "wipe") this.edge = clamp(this.edge + 5 * by, 0, 100);
    else if (this.mode === "solo") return this.choose(0, (this.pair[0] + by + this.count) % this.count);
    else this.pair = nextPair(this.pair, by, this.count);
    this.#shown();
  }

  /** Puts a clip, or the next one that is not there yet, in the first (0) or second (1) place of the pair. */
  choose(place, index) {
    const [before, other] = [this.pair[place], this.pair[1 - place]];
    let now = index ?? (before + 1) % this.count;
    if (index === undefined && now === other && this.count > 2) now = (now + 1) % this.count;
    const pair = [now, now === other ? before : other];
    this.pair = place ? pair.reverse() : pair;
    this.#shown();
  }

  /** Of two that take turns, shows the other one, and leaves it there. */
  swap() {
    this.setAutomatic(false);
    this.front = 1 - this.front;
    this.draw();
  }

  setAutomatic(on) {
    clearInterval(this.timer);
    this.automatic = on && this.mode === "flicker";
    if (this.automatic) {
      this.timer = setInterval(() => {
        this.front = 1 - this.front;
        this.draw();
      }, ALTERNATE);
    }
    this.draw();
  }

  setPeek(on) {
    this.peeking = on;
    this.draw();
  }

  /** Magnifies (1) or back (-1), around a point of the clip's frame in 0..1; 0: no zoom. */
  zoomBy(by, at = { x: 0.5, y: 0.5 }) {
    const { z, x, y } = this.zoom;
    const now = by ? clamp(z * STEP ** by, 1, MOST) : 1;
    // The point under the pointer stays: at = x + p z with p the point of the picture.
    this.setZoom({ z: now, x: at.x - ((at.x - x) / z) * now, y: at.y - ((at.y - y) / z) * now });
  }

  /** Moves the picture by a share of the frame's width and height. */
  pan(x, y) {
    this.setZoom({ z: this.zoom.z, x: this.zoom.x + x, y: this.zoom.y + y });
  }

  setZoom({ z, x, y }) {
    const exact = Math.abs(z - Math.round(z)) < 1e-6 ? Math.round(z) : z;
    this.zoom = { z: exact, x: clamp(x, 1 - exact, 0), y: clamp(y, 1 - exact, 0) };
    this.draw();
  }

  draw() {
    const { stage, mode, zoom } = this;
    stage.dataset.mode = mode;
    stage.classList.toggle("zoomed", zoom.z > 1);
    for (const name of ["z", "x", "y"]) stage.style.setProperty(`--${name}`, zoom[name]);
    stage.style.setProperty("--edge", `${this.edge}%`);
    [...stage.children].forEach((tile, n) => {
      tile.classList.toggle("first", this.seen[0] === n);
      tile.classList.toggle("second", this.seen[1] === n);
      tile.classList.toggle("behind", mode === "flicker" && this.pair[1 - this.front] === n);
      for (const picture of tile.querySelectorAll(".peek")) picture.hidden = !this.peeking;
    });
    for (const button of byId("viewing").querySelectorAll("[data-mode]")) {
      button.setAttribute("aria-pressed", button.dataset.mode === mode);
    }
    const pairs = PAIRS.has(mode);
    byId("pair").hidden = mode === "grid";
    byId("second").hidden = !pairs;
    byId("first").value = this.pair[0];
    byId("second").value = this.pair[1];
    byId("automatic").hidden = mode !== "flicker";
    byId("automatic").setAttribute("aria-pressed", this.automatic);
    byId("edge").hidden = mode !== "wipe";
    byId("edge").value = this.edge;
    byId("gain").hidden = mode !== "difference";
    byId("gain").textContent = `×${GAINS[this.gain]}`;
    byId("amplify").hidden = mode !== "difference";
    byId("amplify").style.setProperty("--gain", GAINS[this.gain]);
    byId("peek").setAttribute("aria-pressed", this.peeking);
    byId("zoom").textContent = `${Math.round(zoom.z * 100)} %`;
  }

  #enter(mode) {
    this.mode = mode;
    this.front = 0;
    this.setAutomatic(!matchMedia("(prefers-reduced-motion: reduce)").matches);
    this.#shown();
  }

  #shown() {
    this.draw();
    this.changed();
    const [a, b] = this.pair.map((n) => n + 1);
    this.say(fill(this.texts[this.mode], { a, b }));
  }

  #buttons() {
    byId("viewing").addEventListener("click", (event) => {
      const { mode, zoom } = event.target.closest("button")?.dataset ?? {};
      if (mode) this.setMode(mode);
      if (zoom) this.zoomBy(Number(zoom));
    });
    byId("automatic").addEventListener("click", () => this.setAutomatic(!this.automatic));
    byId("gain").addEventListener("click", () => this.setMode("difference"));
    byId("peek").addEventListener("click", () => this.setPeek(!this.peeking));
    byId("edge").addEventListener("input", (event) => {
      this.edge = Number(event.target.value);
      this.draw();
    });
    for (const [place, id] of ["first", "second"].entries()) {
      byId(id).addEventListener("change", (event) => {
        this.choose(place, Number(event.target.value));
        event.target.blur();
      });
    }
  }

  /** Wheel: zoom where the pointer is. Drag: the edge of a wipe, else the picture. Double click: no zoom. */
  #pointer() {
    const { stage } = this;
    stage.addEventListener(
      "wheel",
      (event) => {
        const frame = event.target.closest(".screen")?.getBoundingClientRect();
        if (!frame || event.ctrlKey) return;
        event.preventDefault();
        const at = { x: (event.clientX - frame.left) / frame.width, y: (event.clientY - frame.top) / frame.height };
        this.zoomBy(-Math.sign(event.deltaY), at);
      },
      { passive: false },
    );
    let held = null;
    stage.addEventListener("pointerdown", (event) => {
      const screen = event.target.closest(".screen");
      if (event.button === 0 && screen) held = { x: event.clientX, y: event.clientY, screen, moved: false };
    });
    // On the window: a fast drag leaves the stage at once.
    addEventListener("pointermove", (event) => {
      if (!held) return;
      const [x, y] = [event.clientX - held.x, event.clientY - held.y];
      if (!held.moved && Math.hypot(x, y) < DRAG_FROM) return;
      held.moved = true;
      const frame = held.screen.getBoundingClientRect();
      if (this.mode === "wipe" && this.zoom.z === 1) {
        this.edge = clamp(((event.clientX - frame.left) / frame.width) * 100, 0, 100);
        this.draw();
      } else this.pan(x / frame.width, y / frame.height);
      Object.assign(held, { x: event.clientX, y: event.clientY });
    });
    const drop = () => {
      this.dragged = Boolean(held?.moved);
      held = null;
    };
    addEventListener("pointerup", drop);
    addEventListener("pointercancel", drop);
    stage.addEventListener("dblclick", (event) => {
      if (event.target.closest(".screen")) this.zoomBy(0);
    });
  }
}

const clamp = (value, least, most) => Math.min(Math.max(value, least), most) + 0;

/** The pair after (or before) this one, among all pairs of clips in order. */
function nextPair(pair, by, count) {
  const all = [];
  for (let a = 0; a < count; a += 1) for (let b = a + 1; b < count; b += 1) all.push([a, b]);
  const [low, high] = [...pair].sort((a, b) => a - b);
  const now = all.findIndex(([a, b]) => a === low && b === high);
  return all[(now + by + all.length) % all.length];
}
