"use strict";
window.saesweep = window.saesweep || {};
// A latent's dashboard. Texts come from a corpus and a judge: they enter the page as text nodes only.
window.saesweep.dashboard = (function () {
  const SVG = "http://www.w3.org/2000/svg";
  const SCORERS = [["fuzz", "Fuzzing", ""], ["detection", "Detection", "5 3"]];
  // Control characters, soft hyphens, zero widths, line separators, and what turns the direction of writing.
  const ODD = /([\u0000-\u001f\u007f-\u00a0\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]| (?= *$))/;
  const INVISIBLE = { " ": "·", "\n": "↵", "\t": "→", "\r": "␍", "\u00a0": "⍽" };

  function make(tag, attributes, ...children) {
    const node = tag.startsWith("svg:") ? document.createElementNS(SVG, tag.slice(4)) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  }

  function number(value, kind) {
    if (value === null || value === undefined) return "–";
    if (kind === "count") return value.toLocaleString("en");
    if (kind === "rate") return rate(value);
    const text = value.toFixed(kind === "nats" ? 2 : 3);
    return text.replace("-", "−");
  }

  // Two digits: 0.50% as 0.54%.
  function rate(value) {
    const percent = Number((100 * value).toPrecision(2));
    return percent.toFixed(percent > 0 ? Math.max(0, 1 - Math.floor(Math.log10(percent))) : 0) + "%";
  }

  function activation(value) {
    return String(Number(value.toPrecision(3)));
  }

  // Spaces before a word stay as they are; what the eye would miss gets a sign.
  function shown(token) {
    if (token === "") return [make("span", { class: "invisible" }, "∅")];
    const blank = /^ +$/.test(token);
    const parts = [];
    token.split(ODD).forEach((piece, i) => {
      if (piece === "") return;
      // Every second piece is one that ODD found.
      if (i % 2 && (piece !== " " || blank)) {
        const sign = INVISIBLE[piece] || "U+" + piece.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
        parts.push(make("span", { class: "invisible" }, sign), piece === "\n" ? document.createElement("wbr") : null);
      } else {
        parts.push(piece);
      }
    });
    return parts;
  }

  function text(tokens, window, most) {
    const [ids, active] = window;
    const of = new Map();
    let peak = 0;
    for (let i = 0; i < active.length; i += 2) {
      of.set(active[i], active[i + 1]);
      peak = Math.max(peak, active[i + 1]);
    }
    const line = make("div", { class: "text" });
    ids.forEach((id, i) => {
      const value = of.get(i);
      if (value === undefined) {
        line.append(...shown(tokens[id]).filter(Boolean));
      } else {
        const share = most > 0 ? Math.min(1, value / most) : 0;
        line.append(make("mark", {
          style: "--a: " + share.toFixed(3), "data-activation": activation(value), class: value === peak ? "peak-token" : null,
        }, ...shown(tokens[id])));
      }
    });
    return { line, peak };
  }

  function windows(tokens, list, most) {
    const asked = list.some((window) => window.length > 2);
    const head = make("li", { class: "head" }, make("span", { class: "peak" }, "peak"), make("span"),
      asked ? make("span", { class: "judged" }, "judge") : null);
    return make("ol", { class: asked ? "windows asked" : "windows" }, head, ...list.map((window) => {
      const { line, peak } = text(tokens, window, most);
      return make("li", {}, make("span", { class: "peak" }, peak ? activation(peak) : "–"), line,
        asked ? make("span", { class: "judged" }, window.length > 2 ? number(window[2], "nats") : "") : null);
    }));
  }

  function judged(list) {
    return list.some((window) => window.length > 2) ? "; judge: its probability, in detection, that the latent fires" : "";
  }

  function more(title, note, content) {
    return make("details", {}, make("summary", {}, title + " ", make("small", {}, note)), content);
  }

  function plot(caption, width, height, ...content) {
    return make("figure", { class: "latent-plot", style: `max-width: ${width}px` }, make("figcaption", {}, caption),
      make("svg:svg", { role: "img", "aria-label": caption, width, height, viewBox: `0 0 ${width} ${height}` }, ...content));
  }

  function axisText(x, y, anchor, words) {
    return make("svg:text", { x, y, "text-anchor": anchor }, words);
  }

  function rocPlot(rocs) {
    const size = 120, left = 16, top = 4;
    const x = (share) => left + size * share / 100, y = (share) => top + size * (1 - share / 100);
    const content = [
      make("svg:path", { d: `M${left} ${top}V${top + size}H${left + size}`, fill: "none", stroke: "var(--muted)", "stroke-width": ".7" }),
      make("svg:path", { d: `M${left} ${top + size}L${left + size} ${top}`, stroke: "var(--muted)", "stroke-width": ".7", "stroke-dasharray": "1 3" }),
      axisText(left - 4, top + 8, "end", "1"), axisText(left - 4, top + size + 3, "end", "0"),
      axisText(left + size, top + size + 12, "end", "1"), axisText(left + size / 2, top + size + 12, "middle", "false positives"),
    ];
    for (const [name, , dashes] of SCORERS) {
      for (const key of [name + "_null", name]) {
        const curve = rocs[key];
        if (!curve) continue;
        const points = [];
        for (let i = 0; i < curve.length; i += 2) points.push(x(curve[i]).toFixed(1) + "," + y(curve[i + 1]).toFixed(1));
        content.push(make("svg:polyline", {
          points: points.join(" "), fill: "none", "stroke-width": key === name ? 1.8 : 1, "stroke-dasharray": dashes || null,
          stroke: key === name ? "var(--link)" : "var(--muted)", "data-curve": key,
        }));
      }
    }
    return plot("ROC; grey: null", left + size + 6, top + size + 16, ...content);
  }

  // Bars of equal area between the quantiles of the peaks; the window of the highest may not be among those drawn.
  function peaksPlot(quantiles) {
    const width = 190, height = 108, top = 4;
    const low = quantiles[0], high = quantiles[quantiles.length - 1], span = Math.max(high - low, 1e-9);
    const bars = quantiles.slice(1).map((end, i) => ({
      x: (quantiles[i] - low) / span, w: Math.max((end - quantiles[i]) / span, 2e-3), low: quantiles[i], high: end,
    }));
    const tallest = Math.max(...bars.map((bar) => 1 / bar.w));
    const content = bars.map((bar) => {
      const tall = Math.max(1, height / bar.w / tallest);
      return make("svg:rect", { x: 4 + width * bar.x, y: top + height - tall, width: Math.max(width * bar.w - 0.6, 0.6), height: tall, fill: "rgb(var(--shade) / .75)" },
        make("svg:title", {}, `a tenth of the windows: ${activation(bar.low)} to ${activation(bar.high)}`));
    });
    content.push(make("svg:path", { d: `M4 ${top + height}h${width}`, stroke: "var(--muted)", "stroke-width": ".7" }),
      axisText(4, top + height + 14, "start", activation(low)), axisText(4 + width, top + height + 14, "end", activation(high)));
    return plot("Peaks of windows drawn at random", width + 8, top + height + 18, ...content);
  }

  function scores(latent, rocs) {
    const key = (dashes) => make("svg:svg", { class: "key", viewBox: "0 0 22 8", "aria-hidden": "true" },
      make("svg:path", { d: "M0 4H22", stroke: "var(--link)", "stroke-width": 1.8, "stroke-dasharray": dashes || null }));
    const rows = [
      ["fuzz_auroc", "Fuzzing", "AUROC", rocs.fuzz, "", "fuzz_balanced_accuracy"],
      ["detection_auroc", "Detection", "AUROC", rocs.detection, "5 3", "detection_balanced_accuracy"],
      ["simulation_correlation", "Simulation", "correlation", null, "", null],
    ];
    const accuracies = latent.columns.some((column) => column.name.endsWith("balanced_accuracy"));
    const body = rows.filter(([name]) => latent.value(name) !== null || latent.value(name + "_null") !== null).map(([name, label, unit, curve, dashes, accuracy]) => {
      const own = latent.value(name + "_null");
      const mean = own === null ? latent.cell.nulls[name + "_null"] : undefined;
      const nothing = mean === undefined;
      return make("tr", {}, make("th", { scope: "row" }, curve ? key(dashes) : null, label + " ", make("span", { class: "missing" }, unit)),
        make("td", {}, number(latent.value(name), "score")),
        make("td", { class: nothing ? null : "of-sae", title: nothing ? null : "mean of the SAE's latents that have a null; this one has none" }, number(nothing ? own : mean, "score")),
        accuracies ? make("td", {}, number(accuracy ? latent.value(accuracy) : null, "score")) : null);
    });
    if (!body.length) return null;
    const head = ["", "score", "null", ...(accuracies ? ["bal. acc."] : [])].map((words, i) => make("th", { scope: "col", class: i ? "num" : null }, words));
    return make("table", { class: "latent-scores" }, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...body));
  }

  function facts(latent) {
    const names = ["token_entropy", "token_entropy_mm", "n_active_tokens", "firing_rate", "n_windows", "n_judged", "n_missing"];
    const list = make("dl", { class: "latent-facts" });
    for (const name of names) {
      const column = latent.columns.find((one) => one.name === name);
      if (!column || latent.value(name) === null) continue;
      list.append(make("dt", { title: column.meaning }, column.label), make("dd", {}, number(latent.value(name), column.kind) + (column.kind === "nats" ? " nats" : "")));
    }
    return list;
  }

  // latent: {cell, variant, columns, value(name), number, explanation, status, nullLatent: {number, explanation, href} or null};
  // board: one of the blob "dashboards"; tokens: its texts.
  function dashboard(latent, board, tokens, title) {
    const rocs = board.rocs || {};
    const most = Math.max(0, ...[...(board.top || []), ...(board.firing || [])].flatMap((window) => window[1].filter((_, i) => i % 2)));
    const none = latent.status === 1 ? "Harvested, but not scored yet." : "No explanation came from the judge.";
    const parts = [
      title,
      make("blockquote", { class: latent.explanation ? null : "none" }, latent.explanation || none),
      make("div", { class: "latent-numbers" }, scores(latent, rocs), Object.keys(rocs).length ? rocPlot(rocs) : null, board.peaks ? peaksPlot(board.peaks) : null, facts(latent)),
    ];
    if (latent.nullLatent) {
      parts.push(make("p", { class: "latent-null" }, "Null: the same examples judged under the explanation of ",
        make("a", { href: latent.nullLatent.href }, "latent " + number(latent.nullLatent.number, "count")), ": ", make("q", {}, latent.nullLatent.explanation)));
    }
    if (board.top) parts.push(make("h4", {}, "Windows of the highest peaks ", make("small", {}, "the stronger a token's colour, the higher its activation")), windows(tokens, board.top, most));
    if (board.firing) parts.push(more("Other windows in which it fires", `${board.firing.length}, from the highest peak to the lowest${judged(board.firing)}`, windows(tokens, board.firing, most)));
    if (board.silent) parts.push(more("Windows in which it is silent", `${board.silent.length}, those first that the judge took for firing${judged(board.silent)}`, windows(tokens, board.silent, most)));
    if (!board.top && !board.firing) parts.push(make("p", { class: "empty" }, "The file holds no windows of this latent."));
    return make("article", {}, ...parts);
  }

  return { make, number, dashboard };
})();
