/** A campaign's progress page: asks for what has changed every few seconds, and draws the judgements over time. */

const EVERY = 5000;
const byId = (id) => document.getElementById(id);
const standing = byId("standing");
const chart = byId("chart");
const words = JSON.parse(byId("plotly-words").textContent);
let drawn = "";
let series = {};

async function refresh() {
  if (document.visibilityState === "visible") {
    let there = false;
    try {
      const answer = await fetch(standing.dataset.address, { credentials: "same-origin" });
      if (answer.ok && !answer.redirected) {
        standing.innerHTML = await answer.text();
        there = true;
        draw();
      }
    } catch {
      // said below
    }
    byId("live").textContent = there ? byId("live").dataset.live : byId("live").dataset.lost;
  }
  setTimeout(refresh, EVERY);
}

function draw() {
  const text = byId("series").textContent;
  if (text === drawn) return;
  drawn = text;
  series = JSON.parse(text);
  const any = Boolean(series.times?.length);
  chart.hidden = byId("chart-csv").hidden = !any;
  byId("no-chart").hidden = any;
  if (!any) return;
  const steps = {
    x: series.times,
    y: series.counts,
    name: chart.dataset.title,
    type: "scatter",
    mode: "lines+markers",
    line: { color: "#8ab8ff", width: 2, shape: "hvh" },
    marker: { size: 5 },
    fill: "tozeroy",
  };
  const layout = {
    height: 280,
    margin: { l: 48, r: 12, t: 12, b: 40 },
    paper_bgcolor: "#1b1b1b",
    plot_bgcolor: "#1b1b1b",
    font: { color: "#ededed", size: 12 },
    xaxis: { type: "date", gridcolor: "#373737", range: around(series.times) },
    yaxis: { title: { text: chart.dataset.title }, gridcolor: "#373737", rangemode: "tozero", ...whole(series.counts) },
    uirevision: "same",
  };
  const config = {
    responsive: true,
    displaylogo: false,
    locale: "page",
    locales: { page: { dictionary: words } },
    modeBarButtonsToRemove: ["select2d", "lasso2d", "sendChartToCloud"],
    toImageButtonOptions: { format: "png", filename: standing.dataset.file, scale: 2 },
  };
  window.Plotly.react(chart, [steps], layout, config);
}

/** A first hour stands in the middle of three: one point has no width of its own. */
function around(times) {
  if (times.length > 1) return undefined;
  return [-1, 1].map((hours) => new Date(Date.parse(times[0]) + hours * 3_600_000).toISOString());
}

/** Small counts have a tick for each, and none between. */
function whole(counts) {
  return Math.max(...counts) < 8 ? { dtick: 1 } : {};
}

byId("chart-csv").addEventListener("click", () => {
  const lines = [`${series.step},judgements`, ...series.times.map((at, n) => `${at},${series.counts[n]}`)];
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`${lines.join("\n")}\n`], { type: "text/csv" }));
  link.download = `${standing.dataset.file}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
});

draw();
setTimeout(refresh, EVERY);
