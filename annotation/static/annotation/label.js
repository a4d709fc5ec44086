/** The labelling page: takes an item, keeps what is picked, submits, goes on. */

import { call } from "../workbench/api.js";
import { Player } from "../workbench/player.js";
import { fetchAhead } from "./label/ahead.js";
import { flagDialog, skipDialog } from "./label/dialogs.js";
import { toggleGuide } from "./label/guide.js";
import { tell } from "./label/gold.js";
import { listen } from "./label/keys.js";
import { Panel as BestWorst } from "./label/panel_best_worst.js";
import { Panel as Gsb } from "./label/panel_gsb.js";
import { Panel as Likert } from "./label/panel_likert.js";
import { Drafts, newKey, Outbox } from "./label/saving.js";
import { Load, rowsOf } from "./label/turns.js";
import { View } from "./label/view.js";
import { Viewing } from "./label/viewing.js";
import { fill } from "./label/words.js";

const read = (id) => JSON.parse(document.getElementById(id).textContent);
const byId = (id) => document.getElementById(id);
const texts = read("label-texts");
const { campaign, person, protocol } = read("label-settings");
const view = new View(texts);
const viewing = new Viewing(texts.viewing, playSeen, (text) => view.say(text));
const NO_FEEDBACK = { problems: [], broken: [], questions: [], comparisons: [], unanswered: [], doubts: [] };
const CHECK_AFTER = 80;
const PAN = 0.1; // of the frame, per key
const HOLD_AFTER = 500; // ms

const outbox = new Outbox(person, (waiting, error) => {
  if (waiting) view.unsent(waiting);
  else if (error) view.drawFeedback(work?.feedback ?? NO_FEEDBACK, error.message);
});

/** The item in work, with everything that belongs to it. */
let work = null;
/** Whether clips play row by row; stays for the items that follow, since the machine stays the same. */
let inTurn = false;
/** Whether the page may decide that; no more once the person has. */
let mayDecide = true;

/**
 * What a protocol asks and how it is answered. A panel has `form` (the key by which its answers are known),
 * `empty()`, `complete(answers, key)`, `begun(answers, key)`, `meaning(event)` and `acts` for its keys,
 * `across(by)` for the arrows, `kept` and `waits` for what the server's rules say, and draws its part of tiles,
 * of dimensions and of the rest. `place` is where in an item its person is, for undo.
 */
const panel = new { best_worst: BestWorst, likert: Likert, gsb: Gsb }[protocol]({
  texts,
  get work() {
    return work;
  },
  change,
  move,
  activate,
  advance,
  redraw,
  refuse,
  seek,
  focus: focusActive,
  show: (index) => viewing.mode === "solo" && viewing.choose(0, index),
  say: (text) => view.say(text),
  nameOf: (key) => work.item.dimensions.find((dimension) => dimension.key === key).name,
});

function start(item) {
  work?.player.close();
  work?.drafts.close();
  const videos = view.show(item, panel);
  const player = new Player(videos, item.clips);
  work = {
    item,
    player,
    load: new Load(videos),
    drafts: new Drafts(item, drafted),
    answers: item.draft[panel.form] ? item.draft : panel.empty(),
    active: item.dimensions[0].key,
    history: [],
    feedback: NO_FEEDBACK,
    checks: 0,
    seconds: 0,
    key: newKey(),
    asked: false,
    sending: false,
    refusal: "",
  };
  player.addEventListener("time", tick);
  player.addEventListener("state", () => view.drawPlayer(player));
  viewing.reset(item.clips.length);
  view.drawTurns(inTurn, "");
  const now = work;
  player.ready.then(
    () => now === work && player.play(),
    () => now === work && refuse(texts.unplayable),
  );
  // A while after these play, so that nothing is taken from their start.
  const later = () => setTimeout(() => now === work && holdNext(), HOLD_AFTER);
  if (!item.supersedes) player.ready.then(later, later);
  view.saved("");
  work.answers = work.drafts.recovered() ?? work.answers;
  panel.start();
  const open = item.dimensions.find(({ key }) => !panel.complete(work.answers, key));
  if (open) work.active = open.key;
  redraw();
  focusActive();
  check();
}

/** Reserves the item after this one and loads its clips. */
function holdNext() {
  call("POST", "/api/label/hold", { campaign }).then(({ media }) => fetchAhead(media), () => {});
}

async function next(which = "next") {
  byId("loading").hidden = false;
  byId("nothing").hidden = true;
  try {
    const { item, nothing, person: now } = await call("POST", `/api/label/${which}`, { campaign });
    // Somebody else has logged in by another window: the page is theirs, with unsent work of their own.
    if (now !== person) return location.reload();
    if (item) return start(item);
    if (which === "last" && work) {
      byId("loading").hidden = true;
      return refuse(texts.nothing[nothing]);
    }
    work?.player.close();
    work?.drafts.close();
    work = null;
    view.nothing(nothing);
  } catch (error) {
    work?.player.close();
    work = null;
    view.nothing(error.status === 0 ? "offline" : error.status === 401 ? "logged_out" : "error");
    if (error.status === 0) setTimeout(() => work ?? next(which), 4000);
  }
}

// --- Answers ------------------------------------------------------------------------------------------

/** Takes changed answers over: they can be undone, are saved, shown and looked at by the rules. */
function change(changed, spoken = "") {
  work.history.push({ answers: work.answers, active: work.active, place: panel.place });
  work.answers = changed;
  work.asked = false;
  work.refusal = "";
  if (spoken) view.say(spoken);
  work.drafts.save(changed);
  redraw();
  check();
}

function undo() {
  const before = work?.history.pop();
  if (!before) return next("last");
  Object.assign(work, { answers: before.answers, active: before.active, asked: false, refusal: "" });
  panel.place = before.place;
  work.drafts.save(work.answers);
  redraw();
  focusActive();
  check();
}

/** To the next dimension that has no complete answer; stays where none is left. */
function advance() {
  const { dimensions } = work.item;
  const from = dimensions.findIndex(({ key }) => key === work.active);
  const order = [...dimensions.slice(from + 1), ...dimensions.slice(0, from)];
  const open = order.find(({ key }) => !panel.complete(work.answers, key));
  if (open) activate(open.key);
}

function move(by) {
  const keys = work.item.dimensions.map(({ key }) => key);
  activate(keys[(keys.indexOf(work.active) + by + keys.length) % keys.length]);
}

function activate(key) {
  work.active = key;
  redraw();
  focusActive();
}

function focusActive() {
  const row = [...byId("dimensions").children].find(({ dataset }) => dataset.key === work.active);
  row?.querySelector(".choose").focus({ preventScroll: true });
}

// --- What the rules say -------------------------------------------------------------------------------

function check() {
  const now = work;
  const number = ++now.checks;
  clearTimeout(now.timer);
  now.timer = setTimeout(async () => {
    const asked = now.answers;
    try {
      const feedback = await call("POST", `/api/label/${now.item.assignment}/check`, { answers: asked });
      if (now !== work || number !== now.checks) return;
      now.answers = panel.kept(asked, feedback);
      now.feedback = feedback;
      redraw();
    } catch {
      // Not reached: the server checks again when the item is submitted.
    }
  }, CHECK_AFTER);
}

async function submit() {
  if (!work || work.sending) return;
  const open = work.item.dimensions.find(
    ({ key, required }) => !panel.complete(work.answers, key) && (required || panel.begun(work.answers, key)),
  );
  if (open) {
    activate(open.key);
    return refuse(fill(texts.incomplete, { dimension: open.name }));
  }
  const waits = panel.waits(work.feedback);
  if (waits && !work.asked) {
    work.asked = true;
    return refuse(waits);
  }
  const now = work;
  now.sending = true;
  const body = {
    answers: now.answers,
    idempotency_key: now.key,
    supersedes: now.item.supersedes,
    seconds: Math.round(now.seconds * 10) / 10,
    played: Math.round(now.player.played * 10) / 10,
  };
  try {
    clearTimeout(now.timer);
    await now.drafts.close();
    const answer = await outbox.submit(now.item.assignment, body);
    await tell(answer?.gold, now.item, texts.gold);
    if (now === work) await next();
  } catch (error) {
    now.sending = false;
    now.key = newKey();
    if (error.status === 422) {
      now.drafts.reopen(now.answers);
      return refuse(error.message);
    }
    await next();
    if (work) refuse(error.message);
    else view.nothing(error.message);
  }
}

function drafted(state, error) {
  view.saved(state);
  if (error?.status === 401) return refuse(texts.nothing.logged_out);
  if (state !== "conflict") return;
  view.say(error.message);
  if (error.body.draft) {
    // Another window went on with this item: show what it has.
    const { draft, draft_version } = error.body;
    start({ ...work.item, draft, draft_version });
    refuse(error.message);
  } else next();
}

function redraw() {
  view.draw(work.answers, work.active, work.feedback);
  view.drawFeedback(work.feedback, work.refusal);
}

/** Says why something can't be done now; it stays until something is changed. */
function refuse(text) {
  work.refusal = text;
  view.drawFeedback(work.feedback, text);
}

// --- Playing and looking ------------------------------------------------------------------------------

function tick() {
  if (!work) return;
  view.drawPlayer(work.player);
  panel.tick?.();
  view.drawLeast(work.item.campaign.min_play_seconds - work.player.played, work.item.supersedes);
  // Frames that are due faster than the screen shows them are dropped on any machine.
  if (!mayDecide || work.player.speed > 1 || viewing.mode !== "grid") return work.load.restart();
  if (work.item.clips.length > 1 && work.load.tooMuch()) setTurns(true, texts.tooMuch);
}

function setTurns(on, why = "") {
  inTurn = on;
  mayDecide = false;
  playSeen();
  view.drawTurns(on, why);
}

/** All clips play together, so that any can be looked at without a wait; in turn, only what is seen. */
function playSeen() {
  if (!work) return;
  if (viewing.mode === "solo") panel.looksAt?.(viewing.pair[0]);
  const { player } = work;
  const everyone = player.videos.map((_video, n) => n);
  if (!inTurn) player.setGroups([everyone]);
  else player.setGroups(viewing.mode === "grid" ? rowsOf([...byId("stage").children]) : [viewing.seen]);
}

function seek(seconds) {
  work.load.restart();
  work.player.seek(seconds);
}

// --- Keys, buttons, dialogs ---------------------------------------------------------------------------

function act(name, value) {
  if (name === "help") return byId("help-dialog").showModal();
  if (name === "guide") return toggleGuide();
  if (!work) return name === "undo" ? next("last") : undefined;
  const { player } = work;
  const acts = {
    dimension: () => move(value),
    play: () => player.toggle(),
    back: () => player.step(-1),
    on: () => player.step(1),
    to: () => seek(value * player.duration),
    loop: () => player.setLoop(!player.loop),
    slower: () => player.faster(-1),
    faster: () => player.faster(1),
    turns: () => setTurns(!inTurn),
    mode: () => viewing.setMode(value),
    across: () => (viewing.mode === "grid" ? panel.across(value) : viewing.across(value)),
    choose: () => viewing.mode !== "grid" && viewing.choose(value),
    automatic: () => viewing.setAutomatic(!viewing.automatic),
    zoom: () => viewing.zoomBy(value),
    pan: () => viewing.pan(-value[0] * PAN, -value[1] * PAN),
    peek: () => work.item.prompt.first_frame && viewing.setPeek(!viewing.peeking),
    undo,
    submit,
    skip: askToSkip,
    flag: () => askToFlag(view.clipNames(), viewing.mode === "grid" ? 0 : viewing.seen[0]),
  };
  (acts[name] ?? (() => panel.acts[name](value)))();
}

const askToSkip = skipDialog(async (reason) => {
  if (!work) return;
  try {
    await call("POST", `/api/label/${work.item.assignment}/skip`, { reason });
    await next();
  } catch (error) {
    if (error.status === 409) await next();
    else refuse(error.message || texts.nothing.offline);
  }
});

const askToFlag = flagDialog(async (clip, reason) => {
  if (!work) return;
  const now = work;
  try {
    await call("POST", `/api/label/${now.item.assignment}/flag`, { clip, reason });
    if (now === work) view.drawFlag(clip);
  } catch (error) {
    if (now === work) refuse(error.message || texts.nothing.offline);
  }
});

listen(act, (event) => panel.meaning(event));
for (const name of ["play", "back", "on", "loop", "turns", "submit", "undo", "skip", "flag", "help"]) {
  byId(name).addEventListener("click", () => act(name));
}
byId("again").addEventListener("click", () => next());
byId("correct").addEventListener("click", () => next("last"));
byId("speed").addEventListener("change", (event) => {
  work?.player.setSpeed(Number(event.target.value));
  event.target.blur();
});
byId("seek").addEventListener("input", (event) => {
  if (work) seek((Number(event.target.value) / 1000) * work.player.duration);
});
byId("stage").addEventListener("click", (event) => {
  if (event.target.closest(".screen") && !viewing.dragged) act("play");
});
byId("dimensions").addEventListener("click", (event) => {
  if (event.target.closest("button:not(.choose), input")) return;
  const row = event.target.closest(".dimension");
  if (row) activate(row.dataset.key);
});
byId("dimensions").addEventListener("focusin", (event) => {
  const key = event.target.closest(".dimension")?.dataset.key;
  if (work && key && key !== work.active) {
    work.active = key;
    redraw();
  }
});
// --- Time: on the task while the page is seen, and the lease while somebody works ---------------------

const TICK = 1000;
let idle = 0;
for (const name of ["keydown", "pointerdown", "pointermove"]) {
  addEventListener(name, () => (idle = 0), { passive: true });
}
let sinceBeat = 0;
setInterval(async () => {
  if (!work || document.hidden) return;
  work.seconds += TICK / 1000;
  idle += TICK / 1000;
  sinceBeat += TICK / 1000;
  const lease = work.item.campaign.lease_seconds;
  if (sinceBeat < lease / 4 || idle > lease || work.item.supersedes) return;
  sinceBeat = 0;
  await call("POST", `/api/label/${work.item.assignment}/heartbeat`).catch((error) => {
    if (error.status === 409) view.drawFeedback(work.feedback, error.message);
  });
}, TICK);

// Come back to by the browser's own button: what is here may be judged or in other hands by now.
addEventListener("pageshow", (event) => event.persisted && location.reload());

outbox.flush().finally(() => next());
