// The page of a run: its curves, and parts that are fetched again when the websocket hints at a change.
// The socket only says "look again"; with the socket down the page looks every few seconds by itself.

import { Curves } from "./curves.js";

const page = JSON.parse(document.getElementById("run-page").textContent);
const texts = document.getElementById("texts").dataset;
const statusBox = document.getElementById("status");
const filesBox = document.getElementById("files");
const logBox = document.getElementById("log");
const live = document.getElementById("live");

const POLL_MS = 3000;
const SLOW_POLL_MS = 30000; // beside a working socket: a hint may get lost

// --- Parts of the page --------------------------------------------------------------------------------

async function fetchText(url) {
  const answer = await fetch(url, { headers: { Accept: "text/html" } });
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return answer.text();
}

async function refresh(box) {
  const html = await fetchText(box.dataset.url);
  if (box.lastHtml === html) return;
  const open = box.querySelector("details")?.open;
  box.innerHTML = html;
  box.lastHtml = html;
  if (open) box.querySelector("details")?.setAttribute("open", "");
}

async function refreshStatus() {
  await refresh(statusBox);
  const state = statusBox.querySelector("[data-state]").dataset.state;
  for (const form of document.querySelectorAll("form[data-when]")) {
    form.hidden = !form.dataset.when.split(" ").includes(state);
  }
  return state;
}

async function refreshLog() {
  const lines = logBox.querySelectorAll("[data-id]");
  const last = lines.length ? lines[lines.length - 1].dataset.id : 0;
  const atEnd = logBox.scrollHeight - logBox.scrollTop - logBox.clientHeight < 40;
  const html = (await fetchText(`${logBox.dataset.url}?after=${last}`)).trim();
  if (!html) return;
  logBox.insertAdjacentHTML("beforeend", html);
  if (atEnd) logBox.scrollTop = logBox.scrollHeight;
}

// --- Curves -------------------------------------------------------------------------------------------

const curves = new Curves({
  box: document.getElementById("curves"),
  metrics: page.metrics,
  file: page.file,
  step: texts.step,
  words: JSON.parse(document.getElementById("chart-words").textContent),
  first: () => {
    document.getElementById("no-curves").hidden = true;
    document.getElementById("csv").hidden = false;
  },
});

// --- Looking again ------------------------------------------------------------------------------------

const PARTS = { state: refreshStatus, events: refreshLog, artifacts: () => refresh(filesBox), metrics: () => curves.refresh() };
const wanted = new Set();
let busy = false;

async function look(what) {
  for (const part of what) if (part in PARTS) wanted.add(part);
  if (busy) return;
  busy = true;
  try {
    while (wanted.size) {
      const [part] = wanted;
      wanted.delete(part);
      await PARTS[part]();
    }
  } catch (error) {
    console.warn("run page: will look again", error.message); // the web server restarts, or the network is away
  } finally {
    busy = false;
  }
}

let socketOpen = false;
let retryMs = 1000;

function connect() {
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${page.socket}`);
  socket.addEventListener("open", () => {
    retryMs = 1000;
    setLive(true);
    look(Object.keys(PARTS)); // what was hinted at before we listened
  });
  socket.addEventListener("message", (message) => look(JSON.parse(message.data).what));
  socket.addEventListener("close", (event) => {
    setLive(false);
    if (event.code === 4403) return;
    setTimeout(connect, retryMs);
    retryMs = Math.min(retryMs * 2, 30000);
  });
}

function setLive(on) {
  socketOpen = on;
  live.textContent = on ? texts.live : texts.polling;
  live.classList.toggle("good", on);
}

let lastLook = Date.now();
setInterval(() => {
  if (document.hidden || Date.now() - lastLook < (socketOpen ? SLOW_POLL_MS : POLL_MS)) return;
  lastLook = Date.now();
  look(Object.keys(PARTS));
}, 1000);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) look(Object.keys(PARTS));
});

document.getElementById("csv").addEventListener("click", () => curves.downloadCsv());
logBox.scrollTop = logBox.scrollHeight;
look(["metrics"]);
connect();
