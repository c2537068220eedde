// Draws the tables.

/** @import { App } from "./app.js" */
/** @import { State } from "./store.js" */
/** @import { Table } from "./table_data.js" */
/** @import { Place } from "./places.js" */
import { byId, copyText, make, setData } from "./dom.js";
import { withBefore } from "./places.js";
import { remember } from "./store.js";
import { isRowMatch, sortedRows, tablesOf, tableText } from "./table_data.js";
import { countOf, countText } from "./words.js";

/** More rows are shown on demand: they cost time, and hardly anybody reads them. */
const FIRST_ROWS = 100;

/** @param {App} app */
export function startTables(app) {
  const { model, store } = app;
  const tables = tablesOf(model);
  const tabs = byId("table-tabs");
  const tableOf = (/** @type {State} */ state) =>
    tables.find(({ name }) => name === state.table) ?? tables[0];
  const sorted = remember((/** @type {Table} */ table, /** @type {State["sort"]} */ sort) =>
    sortedRows(table, sort),
  );

  for (const table of tables) {
    const count = countText(table.rows.length + table.unlisted);
    const tab = make("button", { type: "button", "data-table": table.name }, [`${table.title} (${count})`]);
    tab.addEventListener("click", () =>
      store.update({ table: table.name, sort: { column: 0, isDown: false }, hasAllRows: false }),
    );
    tabs.append(tab);
  }
  byId("table-all").addEventListener("click", () => store.update({ hasAllRows: true }));
  const copy = byId("table-copy");
  copy.addEventListener("click", () => {
    const table = tableOf(store.state);
    copyText(tableText(table, sorted(table, store.state.sort)), copy);
  });

  store.onChange(["table", "sort", "hasAllRows", "query", "selection"], (state) => {
    const table = tableOf(state);
    for (const tab of tabs.querySelectorAll("button")) {
      tab.setAttribute("aria-pressed", String(tab.dataset.table === table.name));
    }
    const rows = sorted(table, state.sort);
    const shown = state.hasAllRows ? rows : rows.slice(0, FIRST_ROWS);
    const isEmpty = rows.length === 0;
    byId("table").hidden = isEmpty;
    byId("table-copy").hidden = isEmpty;
    byId("table-all").hidden = shown.length === rows.length;
    byId("table-all").textContent = `Show all ${countText(rows.length)}`;
    byId("table-caption").textContent = captionOf(table, rows.length, shown.length);
    byId("table-head").replaceChildren(headOf(app, table, state));
    byId("table-body").replaceChildren(...shown.map((printed) => rowOf(app, table, state, printed)));
    setData(byId("table"), { table: table.name, rows: rows.length, shown: shown.length });
  });
}

/**
 * @param {Table} table
 * @param {number} rows
 * @param {number} shown
 * @returns {string}
 */
function captionOf(table, rows, shown) {
  if (rows === 0) return "None in this recording, or nothing was recorded that could show them.";
  const part = shown < rows ? `${countText(shown)} of ${countOf(rows, "row")}` : countOf(rows, "row");
  const rest =
    table.unlisted > 0
      ? `; ${countText(table.unlisted)} more are not in this page: the command on a terminal has all`
      : "";
  return `${part}${rest}. Click a row to go there.`;
}

/**
 * @param {App} app
 * @param {Table} table
 * @param {State} state
 * @returns {HTMLElement}
 */
function headOf({ store }, table, { sort }) {
  return make(
    "tr",
    {},
    table.columns.map(({ title, isNumber }, column) => {
      const isSorted = column === sort.column;
      const button = make("button", { type: "button" }, [title]);
      button.addEventListener("click", () => {
        store.update({ sort: { column, isDown: isSorted ? !sort.isDown : isNumber && column > 0 } });
        // The head is drawn anew, but the keyboard stays where it was.
        requestAnimationFrame(() => byId("table-head").querySelectorAll("button")[column]?.focus());
      });
      const order = isSorted ? (sort.isDown ? "descending" : "ascending") : "none";
      return make("th", { scope: "col", "aria-sort": order, class: isNumber ? "number" : "" }, [button]);
    }),
  );
}

/**
 * @param {App} app
 * @param {Table} table
 * @param {State} state
 * @param {ReturnType<typeof sortedRows>[number]} printed
 * @returns {HTMLElement}
 */
function rowOf(app, table, state, printed) {
  const cells = printed.cells.map(({ text }, column) =>
    make("td", { class: table.columns[column].isNumber ? "number" : "" }, [text]),
  );
  const row = make("tr", {}, cells);
  const pattern = app.pattern(state.query);
  if (pattern && !pattern.error && isRowMatch(printed, pattern.test)) row.classList.add("match");
  const place = table.place(printed.row);
  if (!place) return row;
  row.tabIndex = 0;
  if (isSelected(place, state)) row.setAttribute("aria-current", "true");
  const go = () => app.show(table.isStall ? withBefore(place) : place);
  row.addEventListener("click", () => {
    // Who marks text to copy it does not want to go anywhere.
    if (String(getSelection() ?? "") === "") go();
  });
  row.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    go();
    requestAnimationFrame(() => {
      const current = byId("table-body").querySelector("[aria-current]");
      if (current instanceof HTMLElement) current.focus();
    });
  });
  return row;
}

/**
 * @param {Place} place
 * @param {State} state
 * @returns {boolean}
 */
function isSelected(place, { selection }) {
  return place.track === selection.track && place.end === selection.end && place.start >= selection.start;
}
