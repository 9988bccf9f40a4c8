"use strict";
// Draws the figures in place of their still pictures, which stay where a browser cannot.
(async function () {
  const COLUMNS = 3, ROW_HEIGHT = 190, HEAD = 90;
  const groups = await saesweep.unpack("compare");
  await saesweep.script("plotly");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const DASHES = { A: "solid", B: "dash" };

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function axis(of, i) {
    return of + (i ? i + 1 : "");
  }

  // One line: a variant of one sweep in one panel.
  function trace(line, panel, i, sweep, shownInLegend) {
    const style = colour("--v-" + line.variant) || colour("--v-other");
    return {
      x: line.layer, y: sweep === "A" ? line.a : line.b, xaxis: axis("x", i), yaxis: axis("y", i), mode: "lines+markers",
      name: line.label, legendgroup: line.variant, showlegend: shownInLegend && sweep === "A",
      line: { color: style, dash: DASHES[sweep], width: 2 }, marker: { color: style, size: 5, symbol: sweep === "A" ? "circle" : "circle-open" },
      customdata: line.difference.map((value, at) => [value, line.verdict[at]]),
      hovertemplate: `${line.label}, ${sweep}<br>layer %{x}: %{y:.4g}<br>A − B: %{customdata[0]:.3g} %{customdata[1]}<extra></extra>`,
    };
  }

  function layout(panels) {
    const rows = Math.ceil(panels.length / COLUMNS), ink = colour("--ink"), grid = colour("--grid");
    const made = {
      grid: { rows: rows, columns: COLUMNS, pattern: "independent", xgap: 0.16, ygap: 0.34 }, height: rows * ROW_HEIGHT + HEAD,
      margin: { l: 45, r: 10, t: 60, b: 40 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: ink, size: 12, family: getComputedStyle(document.body).fontFamily }, legend: { orientation: "h", x: 0, y: 1, yref: "container", yanchor: "top" }, annotations: [],
    };
    panels.forEach((panel, i) => {
      made[axis("xaxis", i)] = { gridcolor: grid, zeroline: false, dtick: panel.layers > 12 ? undefined : 1 };
      made[axis("yaxis", i)] = { gridcolor: grid, zeroline: false };
      made.annotations.push({ text: panel.title, xref: axis("x", i) + " domain", yref: axis("y", i) + " domain", x: 0, y: 1.04, xanchor: "left", yanchor: "bottom", showarrow: false });
    });
    return made;
  }

  function draw() {
    groups.forEach((group) => {
      const place = document.getElementById(group.id);
      const traces = group.panels.flatMap((panel, i) =>
        panel.lines.flatMap((line) => ["A", "B"].map((sweep) => trace(line, panel, i, sweep, i === 0))));
      if (!place.classList.contains("js-plotly-plot")) place.replaceChildren();
      const config = {
        responsive: true, displaylogo: false, modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
        toImageButtonOptions: { format: "svg", filename: group.id },
      };
      Plotly.react(place, traces, layout(group.panels), config);
    });
  }

  draw();
  dark.addEventListener("change", draw);
})();
