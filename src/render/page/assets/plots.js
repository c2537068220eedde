// Plots below the lanes, on their axis: packets received, and the round trips of the victims.

/** @import { App } from "./app.js" */
/** @import { State } from "./store.js" */
/** @import { Theme } from "./palette.js" */
import { byId, make, setData } from "./dom.js";
import { addGestures } from "./gestures.js";
import { gutterOf, RIGHT_MARGIN } from "./lane_shape.js";
import { clockTime, dayText } from "./model.js";
import { PACKET_COLOUR, themeOf, TRIP_COLOUR } from "./palette.js";
import { packetSums, tripPoints } from "./plot_data.js";
import { Scale } from "./viewport.js";
import { countOf, countText, durationText, secondsText } from "./words.js";

const PLOT_HEIGHT = 96;
/** A round trip is hit within so many pixels. */
const TRIP_REACH = 8;

/** @param {App} app */
export function startPlots(app) {
  const { page, trips } = app.model;
  const box = byId("plots");
  if (page.packet_bin_ns !== null) startPackets(app, box);
  if (trips.end.length > 0) startTrips(app, box);
}

/**
 * @param {App} app
 * @param {HTMLElement} box
 * @param {string} id
 * @param {string} title
 * @returns {HTMLElement}
 */
function addFigure(app, box, id, title) {
  const place = make("div", { class: "plot", id, role: "img", "aria-label": title }, []);
  box.append(make("figure", {}, [make("figcaption", {}, [title]), place]));
  addGestures(app, place, { scale: () => scaleOf(app, place) });
  return place;
}

/**
 * @param {App} app
 * @param {HTMLElement} place
 * @returns {Scale}
 */
function scaleOf({ model, store }, place) {
  const gutter = gutterOf(model, place.clientWidth);
  return new Scale(store.state.view, gutter, place.clientWidth - gutter - RIGHT_MARGIN);
}

/**
 * @param {App} app
 * @param {HTMLElement} place
 * @param {State} state
 * @param {uPlot.Series[]} series
 * @param {(value: number) => string} print of the axis
 * @param {uPlot.Hooks} hooks
 * @returns {uPlot}
 */
function makePlot({ model }, place, state, series, print, hooks) {
  const theme = themeOf(state.isDark);
  place.replaceChildren();
  const axis = { stroke: theme.faint, grid: { stroke: theme.line, width: 1 }, ticks: { show: false } };
  return new uPlot(
    {
      width: place.clientWidth,
      height: PLOT_HEIGHT,
      padding: [6, RIGHT_MARGIN, 2, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: (_, low, high) => [low, high] },
        y: { range: (_, low, high) => [0, Math.max(1, high ?? low ?? 1) * 1.1] },
      },
      axes: [
        { ...axis, show: false },
        {
          ...axis,
          size: gutterOf(model, place.clientWidth),
          space: 26,
          values: (_, values) => values.map((value) => (value === null ? "" : print(value))),
        },
      ],
      series: [{}, ...series],
      hooks: { drawClear: [(plot) => shadeSelection(plot, state, theme)], ...hooks },
    },
    [[], ...series.map(() => [])],
    place,
  );
}

/**
 * Shades the selected time.
 * @param {uPlot} plot
 * @param {State} state
 * @param {Theme} theme
 */
function shadeSelection(plot, { selection }, theme) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = theme.accent;
  ctx.globalAlpha = 0.12;
  for (let i = 0; i < Math.min(selection.times, 500); i++) {
    const x = plot.valToPos(selection.start + i * selection.period, "x", true);
    const end = plot.valToPos(selection.end + i * selection.period, "x", true);
    ctx.fillRect(x, bbox.top, Math.max(1, end - x), bbox.height);
  }
  ctx.restore();
}

/**
 * Draws a plot whenever the timeline moves; makes it anew when its look changes.
 * @param {App} app
 * @param {(state: State) => uPlot} create
 * @param {(plot: uPlot, state: State) => uPlot.AlignedData} dataOf
 */
function keepPlot({ store }, create, dataOf) {
  /** @type {uPlot | null} */
  let plot = null;
  const draw = (/** @type {State} */ state) => {
    if (!plot) return;
    const data = dataOf(plot, state);
    plot.batch(() => {
      plot?.setData(data, false);
      plot?.setScale("x", { min: state.view.start, max: state.view.end });
    });
  };
  store.onChange(["isDark", "width", "selection"], (state) => {
    plot?.destroy();
    plot = create(state);
    draw(state);
  });
  store.onChange(["view"], draw);
}

/**
 * @param {App} app
 * @param {HTMLElement} box
 */
function startPackets(app, box) {
  const { model, store } = app;
  const bin = durationText(model.binNs);
  const place = addFigure(
    app,
    box,
    "packet-plot",
    `Packets received per ${bin}: on all CPUs, and on the selected CPU`,
  );
  const sums = packetSums(model);
  const series = (/** @type {State} */ state) => [
    {
      stroke: themeOf(state.isDark).faint,
      fill: themeOf(state.isDark).line,
      width: 1,
      points: { show: false },
    },
    { stroke: PACKET_COLOUR, fill: `${PACKET_COLOUR.slice(0, -1)},0.35)`, width: 1, points: { show: false } },
  ];
  keepPlot(
    app,
    (state) => makePlot(app, place, state, series(state), countText, {}),
    (_, state) => {
      const columns = Math.max(2, Math.floor(scaleRoom(app, place) / 2));
      const data = sums.columns(state.view, columns, state.selection.track);
      setData(place, { points: data[0].length });
      return data;
    },
  );
  place.addEventListener("pointermove", (event) => {
    const time = scaleOf(app, place).time(event.clientX - place.getBoundingClientRect().left);
    const { all, own } = sums.at(time, store.state.selection.track);
    const track = model.tracks[store.state.selection.track];
    const lines = [`from ${secondsText(clockTime(model, time))} s`];
    if (track) lines.unshift(`${countText(own)} on ${track.name}`);
    store.update({
      tip: { x: event.clientX, y: event.clientY, title: `${countOf(all, "packet")} in ${bin}`, lines },
    });
  });
  place.addEventListener("pointerleave", () => store.update({ tip: null }));
}

/**
 * @param {App} app
 * @param {HTMLElement} place
 * @returns {number} pixels of the axis
 */
function scaleRoom({ model }, place) {
  return place.clientWidth - gutterOf(model, place.clientWidth) - RIGHT_MARGIN;
}

/**
 * @param {App} app
 * @param {HTMLElement} box
 */
function startTrips(app, box) {
  const { model, store } = app;
  const { trips, page } = model;
  const file = page.trips_file ?? "the log";
  const title = `Round trips of ${file}: from the request to the answer, by how long it took`;
  const place = addFigure(app, box, "trip-plot", title);
  const drawTrips = (/** @type {uPlot} */ plot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.strokeStyle = TRIP_COLOUR;
    ctx.fillStyle = TRIP_COLOUR;
    ctx.lineWidth = 2;
    for (const index of tripPoints(trips, store.state.view, scaleRoom(app, place))) {
      const [x, end] = [
        plot.valToPos(trips.start[index], "x", true),
        plot.valToPos(trips.end[index], "x", true),
      ];
      const y = plot.valToPos(trips.took[index] / 1e6, "y", true);
      ctx.fillRect(x, y - 1, end - x, 2);
      ctx.beginPath();
      ctx.arc(end, y, 3.5, 0, 2 * Math.PI);
      ctx.fill();
    }
    ctx.restore();
  };
  const series = [{ paths: () => null, points: { show: false } }];
  const ms = (/** @type {number} */ value) => `${value} ms`;
  keepPlot(
    app,
    (state) => makePlot(app, place, state, series, ms, { draw: [drawTrips] }),
    (_, { view }) => {
      const shown = tripPoints(trips, view, scaleRoom(app, place));
      setData(place, { points: shown.length });
      return [shown.map((index) => trips.end[index]), shown.map((index) => trips.took[index] / 1e6)];
    },
  );
  place.addEventListener("pointermove", (event) => {
    const scale = scaleOf(app, place);
    const time = scale.time(event.clientX - place.getBoundingClientRect().left);
    const near = tripPoints(trips, store.state.view, scaleRoom(app, place)).filter(
      (index) =>
        trips.start[index] - TRIP_REACH * scale.perPixel <= time &&
        time <= trips.end[index] + TRIP_REACH * scale.perPixel,
    );
    const worst = near.sort((a, b) => trips.took[b] - trips.took[a])[0];
    store.update({
      tip:
        worst === undefined
          ? null
          : {
              x: event.clientX,
              y: event.clientY,
              title: `Round trip of ${durationText(trips.took[worst])}`,
              lines: [
                `answered at ${secondsText(clockTime(model, trips.end[worst]))} s`,
                dayText(model, trips.end[worst]),
              ],
            },
    });
  });
  place.addEventListener("pointerleave", () => store.update({ tip: null }));
}
