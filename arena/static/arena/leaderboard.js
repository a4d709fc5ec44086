/** The leaderboard's figure: each model's rating with its interval. */

const chart = document.getElementById("chart");
const rows = JSON.parse(document.getElementById("rated").textContent).reverse(); // plotly draws from below
const words = JSON.parse(document.getElementById("chart-words").textContent);

const trace = {
  x: rows.map((row) => row.rating),
  y: rows.map((row) => row.name),
  error_x: {
    type: "data",
    symmetric: false,
    array: rows.map((row) => row.high - row.rating),
    arrayminus: rows.map((row) => row.rating - row.low),
    color: "#8ab8ff",
    thickness: 2,
  },
  type: "scatter",
  mode: "markers",
  marker: { color: "#8ab8ff", size: 9 },
  hovertemplate: "%{y}: %{x:.0f}<extra></extra>",
};
const layout = {
  height: 120 + 34 * rows.length,
  margin: { l: 20, r: 16, t: 12, b: 44 },
  paper_bgcolor: "#1b1b1b",
  plot_bgcolor: "#1b1b1b",
  font: { color: "#ededed", size: 12 },
  xaxis: { title: { text: chart.dataset.axis }, gridcolor: "#373737", zeroline: false },
  yaxis: { automargin: true, gridcolor: "#373737", type: "category" },
};
window.Plotly.newPlot(chart, [trace], layout, {
  responsive: true,
  displaylogo: false,
  locale: "page",
  locales: { page: { dictionary: words } },
  modeBarButtonsToRemove: ["select2d", "lasso2d", "sendChartToCloud"],
  toImageButtonOptions: { format: "png", filename: chart.dataset.file, scale: 2 },
});
