/** Figures that the server describes: drawn by plotly, each exported as PNG, SVG and CSV. */

/**
 * @param figures from the server: {key, data, layout, csv} each
 * @param words plotly's own words in the reader's language
 * @param file the beginning of the names of downloaded files
 *
 * Each is drawn into `[data-plot=KEY]`; the buttons `[data-export=png|svg|csv][data-figure=KEY]` export it.
 */
export function drawFigures({ figures, words, file }) {
  const byKey = new Map(figures.map((figure) => [figure.key, figure]));
  const config = {
    responsive: true,
    displaylogo: false,
    displayModeBar: false,
    locale: "page",
    locales: { page: { dictionary: words } },
  };
  for (const { key, data, layout } of figures) {
    const place = document.querySelector(`[data-plot="${key}"]`);
    place.style.height = `${layout.height}px`; // plotly asks for it when the window's width changes
    window.Plotly.newPlot(place, data, layout, config);
  }
  for (const button of document.querySelectorAll("[data-export]")) {
    button.addEventListener("click", () => save(byKey.get(button.dataset.figure), button.dataset.export, file));
  }
}

function save(figure, format, file) {
  const filename = `${file}-${figure.key}`;
  if (format === "csv") {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([figure.csv], { type: "text/csv" }));
    link.download = `${filename}.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
    return;
  }
  const place = document.querySelector(`[data-plot="${figure.key}"]`);
  window.Plotly.downloadImage(place, {
    format,
    filename,
    width: Math.max(900, place.clientWidth),
    height: figure.layout.height,
    scale: format === "png" ? 2 : 1,
  });
}
