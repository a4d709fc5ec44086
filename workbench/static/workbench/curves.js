/** The one chart helper: a run's metrics as curves, drawn by plotly, fetched as far as they are new. */

const PAGE_OF_METRICS = 5000;
const COLOURS = ["#8ab8ff", "#5fd39a", "#f0c75e", "#ff9470", "#c9a6ff", "#79d6e0", "#f2a0c8", "#c3c3c3"];

export class Curves {
  /**
   * @param box where the charts go, an element each
   * @param metrics the API's address of the run's metrics
   * @param file the beginning of the names of downloaded files
   * @param step the word for the horizontal axis
   * @param words plotly's own words in the reader's language
   * @param first called when the first values are there
   * @param chartOf which chart a metric belongs to, or null for none
   */
  constructor({ box, metrics, file, step, words, first = () => {}, chartOf = behindTheSlash }) {
    Object.assign(this, { box, metrics, file, step, words, first, chartOf });
    this.curves = new Map(); // metric name -> Map(step -> value): a step that comes again replaces itself
    this.charts = new Map(); // what the names have in common behind "train/" or "eval/" -> element
    this.last = 0;
  }

  async refresh() {
    const changed = new Set();
    for (;;) {
      const answer = await fetch(`${this.metrics}?after=${this.last}&limit=${PAGE_OF_METRICS}`);
      if (!answer.ok) throw new Error(`${this.metrics}: ${answer.status}`);
      const rows = await answer.json();
      for (const row of rows) {
        this.last = row.id;
        if (!this.curves.has(row.name)) this.curves.set(row.name, new Map());
        this.curves.get(row.name).set(row.step, row.value);
        const chart = this.chartOf(row.name);
        if (chart) changed.add(chart);
      }
      if (rows.length < PAGE_OF_METRICS) break;
    }
    if (changed.size && !this.charts.size) this.first();
    for (const chart of changed) this.#draw(chart);
  }

  downloadCsv() {
    const lines = ["name,step,value"];
    for (const name of [...this.curves.keys()].sort()) {
      for (const [step, value] of [...this.curves.get(name)].sort((a, b) => a[0] - b[0])) lines.push(`${name},${step},${value}`);
    }
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([`${lines.join("\n")}\n`], { type: "text/csv" }));
    link.download = `${this.file}.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
  }

  #draw(chart) {
    if (!this.charts.has(chart)) {
      const box = document.createElement("div");
      box.className = "curve";
      box.dataset.chart = chart;
      const after = [...this.charts.keys()].sort().find((other) => other > chart);
      this.box.insertBefore(box, after ? this.charts.get(after) : null);
      this.charts.set(chart, box);
    }
    const names = [...this.curves.keys()].filter((name) => this.chartOf(name) === chart).sort();
    const traces = names.map((name, place) => {
      const points = [...this.curves.get(name)].sort((a, b) => a[0] - b[0]);
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
    const many = names.length > 2; // their names go below the plot, which keeps its height
    const height = many ? 300 + 20 * Math.ceil(names.length / 2) : 280;
    this.charts.get(chart).style.height = `${height}px`; // plotly asks for it when the window's width changes
    const layout = {
      title: { text: chart, font: { size: 14 } },
      height,
      margin: { l: 56, r: 12, t: 40, b: many ? 64 + 20 * Math.ceil(names.length / 2) : 44 },
      paper_bgcolor: "#1b1b1b",
      plot_bgcolor: "#1b1b1b",
      font: { color: "#ededed", size: 12 },
      xaxis: { title: { text: this.step }, gridcolor: "#373737", zerolinecolor: "#373737" },
      yaxis: { gridcolor: "#373737", zerolinecolor: "#6f6f6f" },
      legend: many
        ? { orientation: "h", y: -0.25, yanchor: "top", x: 0, font: { size: 11 } }
        : { orientation: "h", y: 1.12, x: 1, xanchor: "right" },
      showlegend: names.length > 1 || names[0] !== chart,
      uirevision: "same",
    };
    const config = {
      responsive: true,
      displaylogo: false,
      locale: "page",
      locales: { page: { dictionary: this.words } },
      modeBarButtonsToRemove: ["select2d", "lasso2d", "sendChartToCloud"],
      toImageButtonOptions: { format: "png", filename: `${this.file}-${chart.replaceAll("/", "-")}`, scale: 2 },
    };
    window.Plotly.react(this.charts.get(chart), traces, layout, config);
  }
}

// train/loss and eval/loss share a chart: they are read together.
function behindTheSlash(name) {
  return name.slice(name.indexOf("/") + 1);
}
