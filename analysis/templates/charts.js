"use strict";
// Draws the charts of analysis/interactive when they come near the window, in the colours of the theme.
(function () {
  const NEAR = "500px";
  const figures = Array.from(document.querySelectorAll("figure.chart"));
  const hidden = new Map(figures.map((figure) => [figure, new Set()]));
  const drawn = new Set();

  // "--v-trained/0.2" as rgba; other texts as they are.
  function coloured(text, style) {
    const match = /^(--[\w-]+)(?:\/([\d.]+))?$/.exec(text);
    if (!match) return text;
    const value = style.getPropertyValue(match[1]).trim();
    if (!match[2]) return value;
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(value.slice(at, at + 2), 16));
    return `rgba(${r},${g},${b},${match[2]})`;
  }

  function resolved(value, style) {
    if (typeof value === "string") return value.startsWith("--") ? coloured(value, style) : value;
    if (Array.isArray(value)) return typeof value[0] === "number" ? value : value.map((item) => resolved(item, style));
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolved(item, style)]));
    return value;
  }

  async function draw(figure) {
    const name = figure.dataset.chart;
    const [chart] = await Promise.all([saesweep.unpack("chart-" + name), saesweep.script("plotly")]);
    const style = getComputedStyle(document.documentElement);
    const layout = resolved(chart.layout, style);
    layout.font.family = getComputedStyle(document.body).fontFamily;
    const data = resolved(chart.data, style).map((trace) => ({ ...trace, visible: !hidden.get(figure).has(trace.meta) }));
    await Plotly.react(figure.querySelector(".plot"), data, layout, {
      responsive: true, displayModeBar: false,
    });
    drawn.add(figure);
    figure.dataset.drawn = "yes";
  }

  function toggle(figure, button) {
    const off = hidden.get(figure), variant = button.dataset.variant;
    if (!off.delete(variant)) off.add(variant);
    button.setAttribute("aria-pressed", String(!off.has(variant)));
    draw(figure);
  }

  const observer = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) {
        observer.unobserve(entry.target);
        draw(entry.target);
      }
    }
  }, { rootMargin: NEAR });
  for (const figure of figures) {
    observer.observe(figure);
    for (const button of figure.querySelectorAll(".legend button")) button.addEventListener("click", () => toggle(figure, button));
  }
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.forEach(draw));
  // All at once: for a page that is printed or looked at by a test.
  window.saesweep.drawAll = () => Promise.all(figures.map(draw));
})();
