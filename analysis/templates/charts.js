"use strict";
// Draws the charts of analysis/interactive when they come near the window, in the colours of the theme; and prepares for paper.
(function () {
  const NEAR = "500px";
  // Pixels that a page of A4 or Letter has between its margins, in height beside a figure's heading and caption.
  const PAPER = { width: 700, height: 720 };
  const figures = Array.from(document.querySelectorAll("figure.chart"));
  const hidden = new Map(figures.map((figure) => [figure, new Set()]));
  const charts = new Map(), drawn = new Set();
  let folded = [];

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

  async function load(figure) {
    try {
      const [chart] = await Promise.all([saesweep.unpack("chart-" + figure.dataset.chart), saesweep.script("plotly")]);
      charts.set(figure, chart);
    } catch (error) {
      figure.querySelector(".plot").textContent = `This figure cannot be drawn here (${error.message}); its files are below.`;
      throw error;
    }
  }

  function paint(figure, style) {
    const chart = charts.get(figure), layout = resolved(chart.layout, style);
    layout.font.family = getComputedStyle(document.body).fontFamily;
    const data = resolved(chart.data, style).map((trace) => ({ ...trace, visible: !hidden.get(figure).has(trace.meta) }));
    drawn.add(figure);
    figure.dataset.drawn = "yes";
    return Plotly.react(figure.querySelector(".plot"), data, layout, { responsive: true, displayModeBar: false });
  }

  async function draw(figure) {
    if (!charts.has(figure)) await load(figure);
    await paint(figure, getComputedStyle(document.documentElement));
  }

  function toggle(figure, button) {
    const off = hidden.get(figure), variant = button.dataset.variant;
    if (!off.delete(variant)) off.add(variant);
    button.setAttribute("aria-pressed", String(!off.has(variant)));
    draw(figure);
  }

  // Paper is light, shows what is folded, and does not scroll. Nothing here can wait, so it draws what is unpacked.
  function toPaper() {
    folded = Array.from(document.querySelectorAll("details:not([open])"));
    folded.forEach((one) => { one.open = true; });
    const light = Array.from(document.styleSheets[0].cssRules).find((rule) => rule.selectorText === ":root").style;
    for (const figure of figures) if (charts.has(figure)) paint(figure, light);
    for (const one of document.querySelectorAll(".plot, .scroll > table")) {
      const tall = one.matches("table") ? 0 : one.offsetHeight / PAPER.height;
      one.style.setProperty("--on-paper", 1 / Math.max(1, one.offsetWidth / PAPER.width, tall));
    }
  }

  // Draws before it folds: the sizes of what is folded cannot be relied on.
  function fromPaper() {
    drawn.forEach(draw);
    folded.forEach((one) => { one.open = false; });
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
  window.addEventListener("beforeprint", toPaper);
  window.addEventListener("afterprint", fromPaper);
  // So that a page can be printed that nobody has scrolled through.
  window.addEventListener("load", async () => {
    await Promise.allSettled(figures.filter((figure) => !charts.has(figure)).map(load));
    document.documentElement.dataset.printable = "yes";
  });
  // All at once: for a page that is looked at by a test.
  window.saesweep.drawAll = () => Promise.all(figures.map(draw));
})();
