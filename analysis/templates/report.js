"use strict";
(function () {
  const table = document.getElementById("cells-table");
  const filter = document.getElementById("filter");
  const shown = document.getElementById("shown");
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const headers = Array.from(table.tHead.rows[0].cells);

  // Missing values stay last, whichever way the column is sorted.
  function compare(a, b, direction) {
    if (a === "" || b === "") return (a === "") - (b === "");
    return direction * (typeof a === "number" ? a - b : a.localeCompare(b));
  }

  function value(row, column) {
    const cell = row.cells[column];
    if (!("value" in cell.dataset)) return cell.textContent.trim();
    return cell.dataset.value === "" ? "" : Number(cell.dataset.value);
  }

  function sort(column) {
    const ascending = headers[column].getAttribute("aria-sort") !== "ascending";
    headers.forEach((header, i) => {
      header.setAttribute("aria-sort", i !== column ? "none" : ascending ? "ascending" : "descending");
    });
    rows.sort((a, b) => compare(value(a, column), value(b, column), ascending ? 1 : -1));
    body.append(...rows);
  }

  function show() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let visible = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      visible += !row.hidden;
    }
    shown.textContent = visible + " of " + rows.length + " cells";
  }

  headers.forEach((header, i) => header.querySelector("button").addEventListener("click", () => sort(i)));
  filter.addEventListener("input", show);
  show();
})();
