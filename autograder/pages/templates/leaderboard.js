"use strict";
(() => {
  const board = document.querySelector(".board");
  if (!board) return;
  const body = board.tBodies[0];
  const heads = [...board.tHead.rows[0].cells];
  const find = document.querySelector(".find");
  const input = find.querySelector("input");
  const shown = find.querySelector("output");
  const said = document.querySelector("p.quiet");
  const rows = [...body.rows].map((row, rank) => {
    const alias = row.querySelector("th").textContent.trim();
    return { row, rank, alias, key: alias.toLowerCase() };
  });
  const count = new Intl.NumberFormat("en");

  // What a cell is sorted by; null where it has nothing, which stays at the end in both directions.
  const value = (row, column) => {
    const cell = row.cells[column];
    if (cell.tagName === "TH") return cell.textContent.trim().toLowerCase();
    const time = cell.querySelector("time");
    if (time) return time.dateTime;
    const number = parseFloat(cell.textContent.replaceAll(",", "").replace("−", "-"));
    return Number.isNaN(number) ? null : number;
  };

  const sort = (column) => {
    const head = heads[column];
    const first = head.dataset.first;
    const other = first === "ascending" ? "descending" : "ascending";
    const order = head.getAttribute("aria-sort") === first ? other : first;
    const sign = order === "ascending" ? 1 : -1;
    const keyed = rows.map((entry) => ({ entry, by: value(entry.row, column) }));
    keyed.sort((a, b) => {
      if (a.by === null || b.by === null) return (a.by === null) - (b.by === null) || a.entry.rank - b.entry.rank;
      return (a.by < b.by ? -sign : a.by > b.by ? sign : 0) || a.entry.rank - b.entry.rank;
    });
    for (const cell of heads) cell.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", order);
    body.append(...keyed.map((k) => k.entry.row));
    said.textContent = `Sorted by ${head.textContent.trim().toLowerCase()}, ${order}.`;
  };

  const filter = () => {
    const wanted = input.value.trim().toLowerCase();
    let many = 0;
    for (const { row, alias, key } of rows) {
      row.hidden = !key.includes(wanted);
      many += !row.hidden;
      if (!wanted) continue;
      if (key !== wanted) {
        row.removeAttribute("aria-current");
        continue;
      }
      row.setAttribute("aria-current", "true");
      said.textContent = `Found ${alias}, rank ${row.cells[0].textContent}.`;
    }
    // The page keeps its height under the box, so that it stays where it is while rows go.
    board.parentElement.classList.toggle("filtering", wanted !== "");
    shown.textContent = wanted
      ? `${count.format(many)} of ${count.format(rows.length)} shown`
      : `${count.format(rows.length)} shown`;
    if (wanted) body.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  };

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(column));
    head.append(button);
  });
  input.addEventListener("input", filter);
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" && event.key !== "Enter") return;
    event.preventDefault();
    const mine = body.querySelector("[aria-current]");
    if (event.key === "Enter" && !mine) return;
    input.value = "";
    filter();
    mine?.scrollIntoView({ block: "center" });
  });
  find.hidden = false;
  filter();
})();
