/** The vote page: one battle at a time, all of it through the API. */

import { ApiError, call } from "../workbench/api.js";

const byId = (id) => document.getElementById(id);
const texts = JSON.parse(byId("arena-texts").textContent);
const addresses = JSON.parse(byId("arena-addresses").textContent);
const figures = { left: document.querySelector("[data-side=left]"), right: document.querySelector("[data-side=right]") };
const videos = [figures.left, figures.right].map((figure) => figure.querySelector("video"));
const buttons = [...document.querySelectorAll("#answers button")];
const chinese = document.documentElement.lang.startsWith("zh");
const KEYS = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "tie", ArrowDown: "both_bad" };
const RETRY_MS = 3000;
const HAVE_FUTURE_DATA = 3;

let battle = null;
let voted = false;
let busy = false;
let upcoming = null; // a promise of the next answer, its clips fetched, while names are read
const blobs = {}; // addresses of clips that were fetched before they are shown

// --- The next battle ----------------------------------------------------------------------------------

/** Asks for the next battle and fetches its clips, while the voter still reads who was who. */
async function fetchAhead() {
  const answer = await call("POST", addresses.next);
  if (!answer.battle) return answer;
  const fetched = {};
  await Promise.all(
    ["left", "right"].map(async (side) => {
      const { src } = answer.battle[side];
      const file = await fetch(src, { credentials: "same-origin" });
      if (file.ok) fetched[src] = URL.createObjectURL(await file.blob());
    }),
  );
  Object.assign(blobs, fetched);
  return answer;
}

/** The battle fetched ahead, if it still waits; else a new one. Its time counts from now. */
async function nextAnswer() {
  const ahead = upcoming && (await upcoming.catch(() => null));
  upcoming = null;
  if (ahead?.battle) {
    try {
      await call("POST", `/api/arena/battles/${ahead.battle.id}/shown`);
      return ahead;
    } catch (error) {
      if (!error.status) throw error;
    }
  }
  return call("POST", addresses.next);
}

async function next() {
  if (busy) return;
  busy = true;
  if (!upcoming) show("loading");
  trouble("");
  try {
    const answer = await nextAnswer();
    battle = answer.battle;
    if (!battle) {
      byId("nothing-text").textContent = texts.nothing[answer.nothing];
      show("nothing");
    } else {
      begin();
    }
  } catch (error) {
    trouble(error instanceof ApiError && error.status ? error.message || texts.error : texts.offline);
    byId("nothing-text").textContent = "";
    show("nothing");
  } finally {
    busy = false;
  }
}

function begin() {
  voted = false;
  const { text_en, text_zh, first_frame } = battle.prompt;
  byId("prompt").textContent = chinese ? text_zh || text_en : text_en || text_zh;
  byId("first-frame").hidden = !first_frame;
  if (first_frame) byId("first-frame").src = first_frame;
  for (const side of ["left", "right"]) {
    const figure = figures[side];
    const video = figure.querySelector("video");
    figure.classList.remove("chosen");
    figure.querySelector(".revealed").hidden = true;
    video.width = battle[side].width;
    video.height = battle[side].height;
    video.src = blobs[battle[side].src] ?? battle[side].src;
  }
  for (const [src, url] of Object.entries(blobs)) {
    if (src === battle.left.src || src === battle.right.src) continue;
    URL.revokeObjectURL(url);
    delete blobs[src];
  }
  for (const button of buttons) {
    button.disabled = true;
    button.removeAttribute("aria-pressed");
  }
  offer(true);
  show("battle");
  window.scrollTo(0, 0);
  watch(battle.id);
}

/** Starts both clips together; the answers open once both have been seen for the least time. */
async function watch(id) {
  await Promise.all(videos.map(loaded));
  if (battle?.id !== id) return;
  for (const video of videos) {
    video.currentTime = 0;
    video.play().catch(() => {}); // a phone in low-power mode waits for a touch
  }
  setTimeout(() => {
    if (battle?.id !== id || voted) return;
    for (const button of buttons) button.disabled = false;
  }, battle.least_seconds * 1000);
}

function loaded(video) {
  return new Promise((done) => {
    if (video.readyState >= HAVE_FUTURE_DATA) done();
    else video.addEventListener("canplay", done, { once: true });
  });
}

// --- The vote -----------------------------------------------------------------------------------------

async function vote(answer) {
  if (busy || voted || !battle || buttons[0].disabled) return;
  busy = true;
  for (const button of buttons) {
    button.disabled = true;
    button.setAttribute("aria-pressed", String(button.dataset.answer === answer));
  }
  const body = { answer, idempotency_key: crypto.randomUUID?.() ?? randomUuid() };
  try {
    reveal(await sent(body));
  } catch (error) {
    trouble(error.message || texts.error);
    busy = false;
    if (error.status === 409 || error.status === 404) {
      offer(false);
      byId("said").textContent = "";
    } else {
      for (const button of buttons) button.disabled = false;
    }
  }
}

/** Sends the vote until the server was reached; the key makes it count once. */
async function sent(body) {
  for (;;) {
    try {
      const answer = await call("POST", `/api/arena/battles/${battle.id}/vote`, body);
      trouble("");
      return answer;
    } catch (error) {
      if (error.status) throw error;
      trouble(texts.offline);
      await new Promise((done) => setTimeout(done, RETRY_MS));
    }
  }
}

function reveal(answer) {
  voted = true;
  busy = false;
  for (const side of ["left", "right"]) {
    const { name, organisation, rating } = answer[side];
    const told = figures[side].querySelector(".revealed");
    const worth = rating === null ? texts.unrated : texts.rating.replace("{n}", Math.round(rating));
    told.textContent = [name, organisation, worth].filter(Boolean).join(" · ");
    told.hidden = false;
    figures[side].classList.toggle("chosen", answer.answer === side);
  }
  byId("said").textContent = texts.spoken[answer.answer] + (answer.too_fast ? ` ${texts.tooFast}` : "");
  offer(false);
  byId("next").focus();
  upcoming = fetchAhead();
  upcoming.catch(() => {}); // said when it is needed
}

async function pass() {
  if (busy || !battle) return;
  busy = true;
  try {
    await call("POST", `/api/arena/battles/${battle.id}/pass`);
  } catch (error) {
    if (!error.status) trouble(texts.offline);
  }
  busy = false;
  next();
}

// --- The page -----------------------------------------------------------------------------------------

function show(part) {
  for (const id of ["battle", "nothing", "loading"]) byId(id).hidden = id !== part;
  if (part !== "battle") for (const video of videos) video.pause();
}

/** The answers, or what comes after them. */
function offer(answers) {
  byId("answers").hidden = byId("pass").hidden = !answers;
  byId("after").hidden = answers;
}

function trouble(text) {
  byId("trouble").textContent = text;
  byId("trouble").hidden = !text;
}

function toggle() {
  const paused = videos.every((video) => video.paused);
  for (const video of videos) paused ? video.play().catch(() => {}) : video.pause();
}

/** crypto.randomUUID needs https or loopback; a demo on a local network has neither. */
function randomUuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("battle").hidden) return;
  const onControl = event.target.closest("button, a, input, select, textarea");
  if (event.key in KEYS && !voted) {
    event.preventDefault();
    vote(KEYS[event.key]);
  } else if (event.key === "Enter" && voted && !onControl) {
    next();
  } else if (event.key === " " && !onControl) {
    event.preventDefault();
    toggle();
  }
});
for (const button of buttons) button.addEventListener("click", () => vote(button.dataset.answer));
for (const video of videos) {
  video.muted = true;
  video.addEventListener("click", toggle);
  video.addEventListener("error", () => battle && trouble(texts.unplayable));
}
byId("next").addEventListener("click", next);
byId("again").addEventListener("click", next);
byId("pass").addEventListener("click", pass);
next();
