// Search, the way from stall to stall, the choice of views, and the selection in words.

/** @import { App } from "./app.js" */
import { formatAddress } from "./address.js";
import { byId, copyText, make, setData } from "./dom.js";
import { goToStall } from "./keys.js";
import { dayText } from "./model.js";
import { css } from "./palette.js";
import { isShown } from "./places.js";
import { ALL_TRACKS, commandText, lengthOf, selectionText } from "./selection.js";
import { MODES } from "./store.js";
import { zoomView } from "./viewport.js";
import { countOf, countText, durationText, shareText } from "./words.js";

/** A screen reader is told of a selection only once it stays. */
const ANNOUNCE_MS = 400;

/** @param {App} app */
export function startToolbar(app) {
  startSearch(app);
  startModes(app);
  startSelection(app);
  startLegend(app);
  const { store, model, places } = app;
  byId("stall-before").addEventListener("click", () => goToStall(app, -1));
  byId("stall-after").addEventListener("click", () => goToStall(app, 1));
  const zoom = (/** @type {number} */ factor) => {
    const { view } = store.state;
    store.update({ view: zoomView(view, factor, (view.start + view.end) / 2, model.duration) });
  };
  byId("zoom-in").addEventListener("click", () => zoom(0.5));
  byId("zoom-out").addEventListener("click", () => zoom(2));
  byId("zoom-all").addEventListener("click", () => store.update({ view: { start: 0, end: model.duration } }));

  const [kind, list] = places.stalls.length > 0 ? ["stall", places.stalls] : ["window", places.windows];
  byId("stall-choice").hidden = list.length === 0;
  byId("stall-before").setAttribute("aria-label", `previous ${kind}`);
  byId("stall-after").setAttribute("aria-label", `next ${kind}`);
  store.onChange(["selection"], ({ selection }) => {
    const at = list.find((place) => isShown(place, selection));
    byId("stall-number").textContent = at
      ? `${kind} ${at.number} of ${list.length}`
      : countOf(list.length, kind);
  });
}

/** @param {App} app */
function startSearch(app) {
  const { store, model } = app;
  const field = /** @type {HTMLInputElement} */ (byId("query"));
  field.addEventListener("input", () => store.update({ query: field.value }));
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" && event.key !== "Enter") return;
    if (event.key === "Escape") store.update({ query: "" });
    field.blur();
    event.preventDefault();
  });
  store.onChange(["query", "selection"], ({ query, selection }) => {
    if (field.value !== query) field.value = query;
    const found = byId("found");
    const pattern = app.pattern(query);
    field.setAttribute("aria-invalid", String(Boolean(pattern?.error)));
    const matches = app.matches(query);
    if (!matches) {
      found.textContent = pattern ? `not a regular expression: ${pattern.error}` : "";
      setData(found, { count: "" });
      return;
    }
    const all = app.allMatchedSamples(matches);
    const selected = app.matchedSamples(matches, selection);
    found.textContent =
      `${countOf(all, "sample")}, ${shareText(all, model.page.samples)} of all, ` +
      `${shareText(selected, app.samples(selection))} of the selection (${countText(selected)})`;
    setData(found, { count: all, selected });
  });
}

/** @param {App} app */
function startModes({ store }) {
  const buttons = [...byId("modes").querySelectorAll("button")];
  buttons.forEach((button, index) => {
    button.addEventListener("click", () =>
      store.update({ mode: MODES[index], focus: [], zoom: null, block: -1 }),
    );
  });
  store.onChange(["mode"], ({ mode }) => {
    buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(MODES[index] === mode)));
  });
  const orders = /** @type {HTMLSelectElement} */ (byId("order"));
  orders.addEventListener("change", () => {
    store.update({ order: orders.value === "weight" ? "weight" : "name", block: -1 });
  });
}

/** @param {App} app */
function startSelection(app) {
  const { store, model } = app;
  const copy = byId("command-copy");
  copy.addEventListener("click", () => copyText(byId("command").textContent ?? "", copy));
  const link = byId("link-copy");
  link.addEventListener("click", () => {
    const [page] = location.href.split("#");
    copyText(`${page}#${formatAddress(model, store.state)}`, link);
  });
  let timer = 0;
  store.onChange(["selection"], ({ selection }) => {
    const segments = app.segments(selection);
    const samples = app.samples(selection);
    const more =
      segments.length > 1 && selection.track !== ALL_TRACKS
        ? `, ${durationText(lengthOf(segments))} together`
        : "";
    const text = `${selectionText(model, selection)}${more}, ${countOf(samples, "sample")}`;
    byId("selection-text").textContent = text;
    byId("selection-day").textContent = dayText(model, selection.start);
    byId("command").textContent = commandText(model, selection, "window");
    byId("command-note").hidden = selection.times === 1;
    setData(byId("selection-text"), {
      track: selection.track,
      startNs: selection.start,
      endNs: selection.end,
      samples,
      period: selection.period,
      times: selection.times,
    });
    clearTimeout(timer);
    timer = setTimeout(() => {
      byId("announce").textContent = `Selected: ${text}`;
    }, ANNOUNCE_MS);
  });
}

/** @param {App} app */
function startLegend({ store, model, colours }) {
  const { page } = model;
  byId("legend-waits").hidden = !page.has_waits;
  byId("legend-waits").append(` ${durationText(page.least_wait_ns)} or more`);
  byId("legend-packets").hidden = page.packet_bin_ns === null;
  store.onChange(["isDark"], ({ isDark }) => {
    const items = colours(isDark).named.map(({ comm, colour }) => {
      const swatch = make("i", { class: "swatch" }, []);
      swatch.style.background = css(colour);
      return make("li", {}, [swatch, page.strings[comm]]);
    });
    byId("legend-tasks").replaceChildren(...items);
  });
}
