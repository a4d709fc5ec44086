// The page of a run: its curves, and parts that are fetched again when the websocket hints at a change.
// The socket only says "look again"; with the socket down the page looks every few seconds by itself.

const page = JSON.parse(document.getElementById("run-page").textContent);
const texts = document.getElementById("texts").dataset;
const chartWords = JSON.parse(document.getElementById("chart-words").textContent);
const statusBox = document.getElementById("status");
const filesBox = document.getElementById("files");
const logBox = document.getElementById("log");
const live = document.getElementById("live");

const POLL_MS = 3000;
const SLOW_POLL_MS = 30000; // beside a working socket: a hint may get lost
const PAGE_OF_METRICS = 5000;
const COLOURS = ["#8ab8ff", "#5fd39a", "#f0c75e", "#ff9470", "#c9a6ff", "#79d6e0"];

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

const curves = new Map(); // metric name -> Map(step -> value): a step that comes again replaces itself
const charts = new Map(); // group ("train", "eval") and rest -> element
let lastMetric = 0;

async function refreshMetrics() {
  const changed = new Set();
  for (;;) {
    const answer = await fetch(`${page.metrics}?after=${lastMetric}&limit=${PAGE_OF_METRICS}`);
    if (!answer.ok) throw new Error(`${page.metrics}: ${answer.status}`);
    const rows = await answer.json();
    for (const row of rows) {
      lastMetric = row.id;
      if (!curves.has(row.name)) curves.set(row.name, new Map());
      curves.get(row.name).set(row.step, row.value);
      changed.add(chartOf(row.name));
    }
    if (rows.length < PAGE_OF_METRICS) break;
  }
  for (const chart of changed) draw(chart);
}

// train/loss and eval/loss share a chart: they are read together.
function chartOf(name) {
  return name.slice(name.indexOf("/") + 1);
}

function draw(chart) {
  document.getElementById("no-curves").hidden = true;
  document.getElementById("csv").hidden = false;
  if (!charts.has(chart)) {
    const box = document.createElement("div");
    box.className = "curve";
    box.dataset.chart = chart;
    const after = [...charts.keys()].sort().find((other) => other > chart);
    document.getElementById("curves").insertBefore(box, after ? charts.get(after) : null);
    charts.set(chart, box);
  }
  const names = [...curves.keys()].filter((name) => chartOf(name) === chart).sort();
  const traces = names.map((name, place) => {
    const points = [...curves.get(name)].sort((a, b) => a[0] - b[0]);
    return {
      x: points.map((point) => point[0]),
      y: points.map((point) => point[1]),
      name,
      type: "scatter",
      mode: points.length < 40 ? "lines+markers" : "lines",
      line: { color: COLOURS[place % COLOURS.length], width: 2 },
      marker: { size: 5 },
    };
  });
  const layout = {
    title: { text: chart, font: { size: 14 } },
    height: 280,
    margin: { l: 56, r: 12, t: 40, b: 44 },
    paper_bgcolor: "#1b1b1b",
    plot_bgcolor: "#1b1b1b",
    font: { color: "#ededed", size: 12 },
    xaxis: { title: { text: texts.step }, gridcolor: "#373737", zerolinecolor: "#373737" },
    yaxis: { gridcolor: "#373737", zerolinecolor: "#6f6f6f" },
    legend: { orientation: "h", y: 1.12, x: 1, xanchor: "right" },
    showlegend: names.length > 1 || names[0] !== chart,
    uirevision: "same",
  };
  const config = {
    responsive: true,
    displaylogo: false,
    locale: "page",
    locales: { page: { dictionary: chartWords } },
    modeBarButtonsToRemove: ["select2d", "lasso2d", "sendChartToCloud"],
    toImageButtonOptions: { format: "png", filename: `${page.file}-${chart.replaceAll("/", "-")}`, scale: 2 },
  };
  window.Plotly.react(charts.get(chart), traces, layout, config);
}

function downloadCsv() {
  const lines = ["name,step,value"];
  for (const name of [...curves.keys()].sort()) {
    for (const [step, value] of [...curves.get(name)].sort((a, b) => a[0] - b[0])) lines.push(`${name},${step},${value}`);
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`${lines.join("\n")}\n`], { type: "text/csv" }));
  link.download = `${page.file}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
}

// --- Looking again ------------------------------------------------------------------------------------

const PARTS = { state: refreshStatus, events: refreshLog, artifacts: () => refresh(filesBox), metrics: refreshMetrics };
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

document.getElementById("csv").addEventListener("click", downloadCsv);
logBox.scrollTop = logBox.scrollHeight;
look(["metrics"]);
connect();
