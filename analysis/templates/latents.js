// The list of latents: only the rows in view are in the page, so that 30,000 are as quick as 30.
(function () {
  const { make, number, dashboard } = window.saesweep.dashboard;
  const ROW = 50, MARGIN = 6;

  // The blob as rows: cellOf[i] is the SAE of row i; values by column; missing is null.
  function table(data) {
    const cellOf = [], first = [];
    data.cells.forEach((cell, c) => {
      first.push(cellOf.length);
      for (let i = 0; i < cell.n; i++) cellOf.push(c);
    });
    const texts = new Array(cellOf.length);
    const here = new Set(data.here);
    const part = {
      data, n: cellOf.length, here, first,
      cell: (row) => data.cells[cellOf[row]],
      firstOf: (row) => first[cellOf[row]],
      value: (row, name) => { const values = data.values[name]; return values ? values[row] : null; },
      explanation: (row) => data.explanations[row] || "",
      variant: (row) => data.variants[data.cells[cellOf[row]].variant],
      text: (row) => {
        if (texts[row] === undefined) {
          const cell = data.cells[cellOf[row]];
          texts[row] = [part.explanation(row), cell.variant, part.variant(row).label, cell.model, cell.hookpoint, cell.setting, "#" + data.values.index[row]].join(" ").toLowerCase();
        }
        return texts[row];
      },
      find: (key, slot) => {
        const c = data.cells.findIndex((cell) => cell.key === key);
        if (c < 0) return -1;
        for (let row = first[c]; row < first[c] + data.cells[c].n; row++) if (data.values.slot[row] === slot) return row;
        return -1;
      },
    };
    return part;
  }

  function varied(data, name) {
    return new Set(data.cells.map((cell) => cell[name])).size > 1;
  }

  function seeds(cell) {
    const parts = [];
    if (cell.init_seed >= 0) parts.push("init seed " + cell.init_seed);
    if (cell.sae_seed >= 0) parts.push("SAE seed " + cell.sae_seed);
    return parts.join(", ");
  }

  function start(app, data, boards) {
    const rows = table(data);
    const one = data.cells.length === 1 && data.folder === "";
    const list = app.querySelector(".latent-list");
    const form = app.querySelector("form").elements;
    const panel = app.querySelector(".latent-dashboard");
    const columns = data.columns.filter((column) => column.shown);
    const body = make("div", { class: "latent-rows", role: "rowgroup" });
    let order = [], current = 0, opened = -1, drawn = "", sort = { name: "", up: true };

    const fragment = (row) => (one ? "#" + rows.value(row, "slot") : `#latent=${rows.cell(row).key}:${rows.value(row, "slot")}`);
    const href = (row) => (rows.here.has(row) ? fragment(row) : data.folder + rows.cell(row).page + "#" + rows.value(row, "slot"));

    function match(row, words) {
      const cell = rows.cell(row);
      return (!form.variant.value || cell.variant === form.variant.value) && (!form.model.value || cell.model === form.model.value) &&
        (!form.hookpoint.value || cell.hookpoint === form.hookpoint.value) && (!form.here.checked || rows.here.has(row)) &&
        words.every((word) => rows.text(row).includes(word));
    }

    // Ties keep the order of the list; missing values stay last, whichever way.
    function compare(a, b) {
      const x = rows.value(a, sort.name), y = rows.value(b, sort.name);
      if (x === null || y === null) return (x === null) - (y === null) || a - b;
      return (sort.up ? x - y : y - x) || a - b;
    }

    function filter() {
      const words = form.search.value.toLowerCase().split(/\s+/).filter(Boolean);
      order = [];
      for (let row = 0; row < rows.n; row++) if (match(row, words)) order.push(row);
      if (sort.name) order.sort(compare);
      current = Math.max(0, order.indexOf(opened));
      const here = one ? "" : `; ${order.reduce((sum, row) => sum + rows.here.has(row), 0).toLocaleString("en")} open here`;
      form.count.textContent = `${order.length.toLocaleString("en")} of ${rows.n.toLocaleString("en")} latents${here}`;
      body.style.height = order.length * ROW + "px";
      list.setAttribute("aria-rowcount", order.length + 1);
      list.scrollTop = 0;
      draw(true);
    }

    function sortBy(name, up) {
      sort = { name, up };
      form.sort.value = name;
      for (const head of list.querySelectorAll("[aria-sort]")) {
        head.setAttribute("aria-sort", head.dataset.name !== name ? "none" : up ? "ascending" : "descending");
      }
      filter();
    }

    function score(row, column) {
      const cell = make("div", { role: "gridcell", class: "number" }, number(rows.value(row, column.name), column.kind));
      const own = column.null ? rows.value(row, column.null) : null;
      const mean = column.null ? rows.cell(row).nulls[column.null] : undefined;
      if (own !== null) cell.append(make("small", {}, number(own, "score")));
      else if (mean !== undefined) cell.append(make("small", { class: "of-sae", title: "mean null of the SAE" }, number(mean, "score")));
      return cell;
    }

    function line(i) {
      const row = order[i], cell = rows.cell(row), variant = rows.variant(row);
      const place = [varied(data, "model") ? cell.model : "", cell.hookpoint, seeds(cell), cell.setting].filter(Boolean).join(" · ");
      const nothing = rows.value(row, "status") === 1 ? "not scored yet" : "no explanation came";
      const explanation = rows.explanation(row);
      const node = make("div", { role: "row", class: i === current ? "latent-row current" : "latent-row", id: "latent-row-" + i, "aria-rowindex": i + 2, "aria-selected": row === opened, "data-row": row });
      node.style.top = i * ROW + "px";
      if (!one) {
        node.append(make("div", { role: "gridcell" }, make("div", { class: "clip" }, make("span", { class: "mark", style: `color: var(${variant.colour})`, "aria-hidden": "true" }, variant.mark), " " + variant.label), make("small", { class: "clip", title: place }, place)));
      }
      node.append(
        make("div", { role: "gridcell", class: "number" }, make("a", { href: href(row), tabindex: "-1" }, number(rows.value(row, "index"), "count")), one ? null : make("span", { class: "away", title: "on the page of its SAE" }, rows.here.has(row) ? "" : "↗")),
        make("div", { role: "gridcell" }, make("div", { class: explanation ? "words" : "words missing", title: explanation }, explanation || nothing)),
        ...columns.map((column) => score(row, column)));
      return node;
    }

    function draw(anew) {
      const from = Math.max(0, Math.floor(list.scrollTop / ROW) - MARGIN);
      const to = Math.min(order.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + MARGIN);
      if (!anew && drawn === from + " " + to) return;
      drawn = from + " " + to;
      const nodes = [];
      for (let i = from; i < to; i++) nodes.push(line(i));
      body.replaceChildren(...(order.length ? nodes : [make("div", { class: "latent-none" }, "No latent matches.")]));
      if (order.length) list.setAttribute("aria-activedescendant", "latent-row-" + current);
      else list.removeAttribute("aria-activedescendant");
    }

    function move(to) {
      current = Math.max(0, Math.min(order.length - 1, to));
      const head = list.firstElementChild.offsetHeight, top = current * ROW;
      if (top < list.scrollTop) list.scrollTop = top;
      else if (top + ROW + head > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW + head - list.clientHeight;
      draw(true);
    }

    // The next latent of the list, either way, whose dashboard is in the page; -1 without one.
    function neighbour(step) {
      let i = order.indexOf(opened);
      if (i < 0) return -1;
      do i += step; while (i >= 0 && i < order.length && !rows.here.has(order[i]));
      return i >= 0 && i < order.length ? i : -1;
    }

    function title(row) {
      const cell = rows.cell(row), variant = rows.variant(row);
      const place = [cell.model, cell.hookpoint, seeds(cell), cell.setting].filter(Boolean).join(" · ");
      const steps = [["‹ Previous", -1], ["Next ›", 1]].map(([words, step]) => {
        const to = neighbour(step);
        const button = make("button", { type: "button", disabled: to < 0 ? "" : null }, words);
        button.addEventListener("click", () => { move(to); open(order[to], true); });
        return button;
      });
      return make("div", { class: "latent-title" },
        make("h3", {}, make("span", { class: "mark", style: `color: var(${variant.colour})`, "aria-hidden": "true" }, variant.mark), ` ${variant.label}, latent `, make("a", { href: fragment(row), title: "link to this dashboard" }, number(rows.value(row, "index"), "count"))),
        make("span", { class: "place" }, place, ...(one ? [] : [" · ", make("a", { href: data.folder + cell.page + "#" + rows.value(row, "slot") }, "all latents of this SAE")])),
        ...steps);
    }

    function nullLatent(row, slot) {
      for (let other = rows.firstOf(row); slot !== undefined && other < rows.firstOf(row) + rows.cell(row).n; other++) {
        if (rows.value(other, "slot") === slot) return { number: rows.value(other, "index"), explanation: rows.explanation(other), href: href(other) };
      }
      return null;
    }

    function open(row, name) {
      opened = row;
      const board = boards.of[row];
      const latent = {
        cell: rows.cell(row), columns: data.columns, value: (column) => rows.value(row, column), status: rows.value(row, "status"),
        explanation: rows.explanation(row), nullLatent: nullLatent(row, board.null_of),
      };
      panel.replaceChildren(dashboard(latent, board, boards.tokens, title(row)));
      panel.dataset.row = row;
      if (name) history.replaceState(null, "", fragment(row));
      draw(true);
    }

    function follow(row) {
      if (rows.here.has(row)) open(row, true);
      else location.href = href(row);
    }

    // A fragment that names a latent: opens it, or goes to its page.
    function named(jump) {
      const found = one ? /^#(\d+)$/.exec(location.hash) : /^#latent=([^:]+):(\d+)$/.exec(location.hash);
      if (!found) return false;
      const row = one ? rows.find(data.cells[0].key, Number(found[1])) : rows.find(found[1], Number(found[2]));
      if (row < 0) return false;
      if (!rows.here.has(row)) {
        location.replace(href(row));
        return true;
      }
      if (!order.includes(row)) {
        for (const name of ["search", "variant", "model", "hookpoint"]) form[name].value = "";
        form.here.checked = false;
        opened = row;
        filter();
      }
      move(order.indexOf(row));
      open(row, false);
      if (jump) panel.scrollIntoView({ block: "start" });
      return true;
    }

    function choices(name, values) {
      form[name].append(make("option", { value: "" }, "all"), ...values.map(([value, label]) => make("option", { value }, label)));
      form[name].closest("label").hidden = values.length < 2;
      form[name].addEventListener("input", filter);
    }

    function heads() {
      const fixed = one ? [] : [["", "SAE", "the order of the results file", true]];
      const named = [...fixed, ["index", "Latent", "its number in the SAE", true], [null, "Explanation"], ...columns.map((column) => [column.name, column.label, column.meaning, false])];
      return make("div", { class: "latent-head", role: "row", "aria-rowindex": 1 }, ...named.map(([name, label, meaning, up]) => {
        if (name === null) return make("div", { role: "columnheader" }, label);
        const button = make("button", { type: "button", title: meaning }, label);
        button.addEventListener("click", () => sortBy(name, sort.name === name ? !sort.up : up));
        return make("div", { role: "columnheader", class: name ? (name === "index" && !one ? "number with-away" : "number") : null, "aria-sort": "none", "data-name": name }, button);
      }));
    }

    function keys(event) {
      const page = Math.max(1, Math.floor(list.clientHeight / ROW) - 2);
      const to = { ArrowDown: current + 1, ArrowUp: current - 1, PageDown: current + page, PageUp: current - page, Home: 0, End: order.length - 1 }[event.key];
      if (event.target !== list) return;
      if (to !== undefined) move(to);
      else if (event.key === "Enter" && order.length) follow(order[current]);
      else return;
      event.preventDefault();
    }

    app.hidden = false;
    app.style.setProperty("--row", ROW + "px");
    list.style.setProperty("--columns", `${one ? "" : "13rem "}${one ? 4 : 5.6}rem minmax(12rem, 1fr) ${columns.map(() => "4.9rem").join(" ")}`);
    list.append(heads(), body);
    choices("variant", Object.entries(data.variants).map(([name, variant]) => [name, variant.label]));
    choices("model", [...new Set(data.cells.map((cell) => cell.model))].map((name) => [name, name]));
    const layers = new Map(data.cells.map((cell) => [cell.hookpoint, cell.layer]));
    choices("hookpoint", [...layers].sort((a, b) => a[1] - b[1]).map(([name]) => [name, name]));
    form.sort.append(make("option", { value: "" }, one ? "order drawn" : "SAE"), make("option", { value: "index" }, "Latent"), ...data.columns.map((column) => make("option", { value: column.name, title: column.meaning }, column.label)));
    form.sort.addEventListener("input", () => sortBy(form.sort.value, ["", "index"].includes(form.sort.value)));
    form.search.addEventListener("input", filter);
    form.here.addEventListener("input", filter);
    form.here.closest("label").hidden = rows.here.size === rows.n;
    app.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
    list.addEventListener("keydown", keys);
    list.addEventListener("scroll", () => requestAnimationFrame(() => draw(false)));
    body.addEventListener("click", (event) => {
      const node = event.target.closest(".latent-row");
      if (!node || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      current = Number(node.getAttribute("aria-rowindex")) - 2;
      follow(Number(node.dataset.row));
    });
    window.addEventListener("hashchange", () => named(true));
    sortBy("", true);
    if (!named(true)) {
      const shown = order.findIndex((row) => rows.here.has(row));
      if (shown >= 0) { current = shown; open(order[shown], false); }
    }
  }

  // Unpacked when the reader comes near, or asks for a latent by the address.
  function whenNear(element, then) {
    if (/^#(latent=|\d)/.test(location.hash) || !("IntersectionObserver" in window)) return then();
    let started = false;
    const begin = () => { if (!started) { started = true; watch.disconnect(); then(); } };
    const watch = new IntersectionObserver((entries) => { if (entries.some((entry) => entry.isIntersecting)) begin(); }, { rootMargin: "1500px" });
    watch.observe(element);
    window.addEventListener("hashchange", () => { if (location.hash.startsWith("#latent=")) begin(); });
  }

  document.addEventListener("DOMContentLoaded", () => {
    const app = document.getElementById("latents-app");
    const { unpack } = window.saesweep;
    whenNear(app.parentElement, () => {
      Promise.all([unpack("latents"), unpack("dashboards")]).then(([data, boards]) => start(app, data, boards));
    });
  });
})();
