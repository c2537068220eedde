// The list of samples: only the lines that are visible are in the document.

/** @import { App } from "./app.js" */
/** @import { State } from "./store.js" */
import { byId, copyText, make, setData } from "./dom.js";
import { entryOfLine, lineText, listSamples } from "./listing.js";
import { isMatch } from "./search.js";
import { commandText } from "./selection.js";
import { remember } from "./store.js";
import { countOf, countText } from "./words.js";

const LINE_HEIGHT = 20;
/** Browsers cannot scroll through much more. */
const MOST_LINES = 500000;
/** A clipboard takes about as much. */
const MOST_COPIED = 100000;

/** @param {App} app */
export function startList(app) {
  const { model, store } = app;
  const box = byId("list");
  const space = byId("list-space");
  const listing = remember((/** @type {State["selection"]} */ selection) =>
    listSamples(app.segments(selection)),
  );

  const drawLines = (/** @type {State} */ state) => {
    if (state.mode !== "list") return;
    const list = listing(state.selection);
    const lines = Math.min(list.lines, MOST_LINES);
    const matches = app.matches(state.query);
    const first = Math.max(0, Math.floor(box.scrollTop / LINE_HEIGHT) - 5);
    const last = Math.min(lines, first + Math.ceil(box.clientHeight / LINE_HEIGHT) + 10);
    const rows = [];
    for (let line = first; line < last; line++) {
      const { track, index } = entryOfLine(list, line);
      const row = make(
        "div",
        {
          role: "listitem",
          class: "line",
          "aria-posinset": String(line + 1),
          "aria-setsize": String(lines),
        },
        [lineText(model, track, index)],
      );
      row.style.top = `${line * LINE_HEIGHT}px`;
      if (matches && isMatch(matches, track, index)) row.classList.add("match");
      if (state.entry?.track === track.index && state.entry.index === index)
        row.setAttribute("aria-current", "true");
      row.addEventListener("click", () => app.pick(track.index, index));
      rows.push(row);
    }
    space.replaceChildren(...rows);
    setData(box, { lines: list.lines, firstLine: first, lastLine: last });
  };

  store.onChange(["mode", "selection", "query", "entry", "width"], (state) => {
    byId("list-panel").hidden = state.mode !== "list";
    if (state.mode !== "list") return;
    const list = listing(state.selection);
    space.style.height = `${Math.min(list.lines, MOST_LINES) * LINE_HEIGHT}px`;
    const rest =
      list.lines > MOST_LINES
        ? `; the first ${countText(MOST_LINES)} are listed, select less to see others`
        : "";
    byId("list-caption").textContent = `${countOf(list.lines, "line")}${rest}. ${listCommand(app, state)}`;
    drawLines(state);
  });
  store.onChange(["selection"], () => {
    box.scrollTop = 0;
  });
  box.addEventListener("scroll", () => drawLines(store.state));

  box.addEventListener("keydown", (event) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    const list = listing(store.state.selection);
    if (step === 0 || list.lines === 0) return;
    event.preventDefault();
    event.stopPropagation();
    const line = Math.max(0, Math.min(list.lines - 1, currentLine(list, store.state) + step));
    const { track, index } = entryOfLine(list, line);
    const top = line * LINE_HEIGHT;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + LINE_HEIGHT > box.scrollTop + box.clientHeight)
      box.scrollTop = top + LINE_HEIGHT - box.clientHeight;
    app.pick(track.index, index);
  });

  const copy = byId("list-copy");
  copy.addEventListener("click", () => {
    const list = listing(store.state.selection);
    const lines = Math.min(list.lines, MOST_COPIED);
    const text = Array.from({ length: lines }, (_, line) => {
      const { track, index } = entryOfLine(list, line);
      return `${lineText(model, track, index)}\n`;
    }).join("");
    const rest = list.lines - lines;
    copyText(rest > 0 ? `${text}# ${countText(rest)} more lines are not copied\n` : text, copy);
  });
}

/**
 * @param {import("./listing.js").Listing} list
 * @param {State} state
 * @returns {number} the line of the entry that is picked, or -1
 */
function currentLine(list, { entry }) {
  if (!entry) return -1;
  for (let i = 0; i < list.pieces.length; i++) {
    const { track, from } = list.pieces[i];
    const lines = (list.before[i + 1] ?? list.lines) - list.before[i];
    if (track.index === entry.track && from <= entry.index && entry.index < from + lines) {
      return list.before[i] + entry.index - from;
    }
  }
  return -1;
}

/**
 * @param {App} app
 * @param {State} state
 * @returns {string}
 */
function listCommand({ model }, { selection }) {
  const { page } = model;
  const cells =
    page.cell_ns === null ? "" : " Outside of stalls and windows a line stands for several samples.";
  if (selection.times > 1) return cells.trim();
  const command = commandText(model, selection, "collapse -F cpu,time,stack,count");
  return `The same on a terminal: ${command}${cells}`;
}
