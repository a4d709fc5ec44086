/** The leaderboard: looks again when there are new votes, and draws its figures. */

import { call } from "../workbench/api.js";

const byId = (id) => document.getElementById(id);
const read = (id) => JSON.parse(byId(id).textContent);
const addresses = read("addresses");
const words = read("chart-words");
const texts = read("chart-texts");
const LEAST_MS = 500; // between two looks, however many votes come
const SLOW_MS = 15000; // without a socket, and for the figures that take longer
const COLOURS = ["#8ab8ff", "#ffb86b", "#7ee2a8", "#ff8fa3", "#c9a6ff", "#ffe27a", "#6fd6e8", "#d0d0d0", "#e8a0d8", "#b5d56a"];
const GRID = "#373737";
const BASE = { paper_bgcolor: "#1b1b1b", plot_bgcolor: "#1b1b1b", font: { color: "#ededed", size: 12 }, uirevision: "same" };

let asked = 0; // when the board was asked for last
let due = false;
let figuresAt = 0;

// --- Live ---------------------------------------------------------------------------------------------

function soon() {
  if (due) return;
  due = true;
  setTimeout(look, Math.max(0, asked + LEAST_MS - Date.now()));
}

async function look() {
  due = false;
  if (document.visibilityState !== "visible") return;
  asked = Date.now();
  try {
    const answer = await fetch(addresses.part, { credentials: "same-origin" });
    if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
    byId("part").innerHTML = await answer.text();
    say(true);
    draw();
  } catch {
    say(false);
  }
}

function say(there) {
  byId("live").textContent = there ? byId("live").dataset.live : byId("live").dataset.lost;
}

function listen() {
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${addresses.socket}`);
  socket.addEventListener("message", soon);
  socket.addEventListener("open", () => say(true));
  socket.addEventListener("close", (event) => {
    if (event.code !== 4403) setTimeout(listen, SLOW_MS);
  });
}

// --- Figures ------------------------------------------------------------------------------------------

function draw() {
  const rows = read("rated");
  byId("figures").hidden = !rows.length;
  if (!rows.length) return;
  intervals(rows);
  speed(rows.filter((row) => row.seconds_per_second));
  if (Date.now() - figuresAt > SLOW_MS) slowFigures();
}

async function slowFigures() {
  figuresAt = Date.now();
  try {
    const [matrices, history] = await Promise.all([call("GET", addresses.matrices), call("GET", addresses.history)]);
    const names = matrices.models.map((one) => one.name);
    matrix("wins", names, matrices.win_fraction, texts.win_fraction, ".0%", [0, 1]);
    matrix("battles", names, matrices.battles, texts.battles, "d");
    lines(history);
  } catch {
    say(false);
  }
}

function intervals(rows) {
  const shown = [...rows].reverse(); // plotly draws from below
  const trace = {
    x: shown.map((row) => row.rating),
    y: shown.map((row) => row.name),
    error_x: {
      type: "data",
      symmetric: false,
      array: shown.map((row) => row.high - row.rating),
      arrayminus: shown.map((row) => row.rating - row.low),
      color: COLOURS[0],
      thickness: 2,
    },
    type: "scatter",
    mode: "markers",
    marker: { color: COLOURS[0], size: 9 },
    hovertemplate: "%{y}: %{x:.0f}<extra></extra>",
  };
  plot("chart", [trace], {
    height: 120 + 34 * shown.length,
    margin: { l: 20, r: 16, t: 12, b: 44 },
    xaxis: { title: { text: texts.rating }, gridcolor: GRID, zeroline: false },
    yaxis: { automargin: true, gridcolor: GRID, type: "category" },
  });
}

/** Figure 1 of the report: Elo by the inverse of the seconds that a second of video takes. */
function speed(rows) {
  byId("speed-card").hidden = !rows.length;
  if (!rows.length) return;
  const trace = {
    x: rows.map((row) => 1 / row.seconds_per_second),
    y: rows.map((row) => row.rating),
    text: rows.map((row) => row.name),
    error_y: {
      type: "data",
      symmetric: false,
      array: rows.map((row) => row.high - row.rating),
      arrayminus: rows.map((row) => row.rating - row.low),
      color: "#777",
      thickness: 1,
    },
    type: "scatter",
    mode: "markers+text",
    textposition: "top center",
    cliponaxis: false,
    marker: { color: rows.map((_row, n) => COLOURS[n % COLOURS.length]), size: 12 },
    hovertemplate: "%{text}: %{y:.0f}, %{x:.3g}<extra></extra>",
  };
  plot("speed", [trace], {
    height: 420,
    margin: { l: 60, r: 40, t: 24, b: 48 },
    xaxis: { title: { text: texts.speed }, gridcolor: GRID, rangemode: "tozero" },
    yaxis: { title: { text: texts.rating }, gridcolor: GRID },
  });
}

function matrix(id, names, values, hover, format, range) {
  const trace = {
    x: names,
    y: names,
    z: values,
    type: "heatmap",
    colorscale: range ? [[0, "#8c3b4a"], [0.5, "#2b2b2b"], [1, "#2f6f9f"]] : [[0, "#222222"], [1, "#3d7fb5"]],
    zmin: range?.[0],
    zmax: range?.[1],
    texttemplate: `%{z:${format}}`,
    showscale: false,
    xgap: 1, // drawn cell by cell: one picture stretched would be blurred
    ygap: 1,
    hoverongaps: false,
    hovertemplate: `${hover}<extra></extra>`,
  };
  if (!range) trace.z = values.map((row, i) => row.map((value, j) => (i === j ? null : value)));
  plot(id, [trace], {
    height: 160 + 32 * names.length,
    margin: { l: 20, r: 16, t: 12, b: 20 },
    xaxis: { automargin: true, type: "category", tickangle: -40, showgrid: false },
    yaxis: { automargin: true, type: "category", autorange: "reversed", showgrid: false },
  });
}

function lines(history) {
  const many = history.at.length > 1;
  const traces = history.lines.map((line, n) => ({
    x: history.at,
    y: line.ratings,
    name: line.name,
    type: "scatter",
    mode: many ? "lines" : "markers",
    line: { color: COLOURS[n % COLOURS.length], width: 2, dash: n < COLOURS.length ? "solid" : "dot" },
    error_y: {
      type: "data",
      symmetric: false,
      array: history.at.map((_at, i) => (i === history.at.length - 1 ? line.high - line.ratings[i] : 0)),
      arrayminus: history.at.map((_at, i) => (i === history.at.length - 1 ? line.ratings[i] - line.low : 0)),
      thickness: 1,
    },
    hovertemplate: `${line.name}: %{y:.0f}<extra></extra>`,
  }));
  plot("history", traces, {
    height: 420,
    margin: { l: 56, r: 16, t: 12, b: 44 },
    xaxis: { type: "date", gridcolor: GRID },
    yaxis: { title: { text: texts.rating }, gridcolor: GRID },
    legend: { orientation: "h", y: -0.18 },
  });
}

function plot(id, traces, layout) {
  const chart = byId(id);
  window.Plotly.react(chart, traces, { ...BASE, ...layout }, {
    responsive: true,
    displaylogo: false,
    locale: "page",
    locales: { page: { dictionary: words } },
    modeBarButtonsToRemove: ["select2d", "lasso2d", "sendChartToCloud"],
    toImageButtonOptions: { format: "png", filename: chart.dataset.file, scale: 2 },
  });
}

document.addEventListener("visibilitychange", soon);
setInterval(soon, SLOW_MS);
draw();
listen();
