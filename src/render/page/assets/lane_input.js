// What pointers do in the lanes.

/** @import { App } from "./app.js" */
/** @import { Place } from "./places.js" */
import { byId, canvasById } from "./dom.js";
import { addGestures } from "./gestures.js";
import { entryNear, momentFacts } from "./lane_facts.js";
import { AXIS_HEIGHT, gutterOf, laneShape, RIGHT_MARGIN, trackAt } from "./lane_shape.js";
import { withBefore } from "./places.js";
import { selectionOf } from "./selection.js";
import { Scale } from "./viewport.js";

/** Pixels beside a thing that still count as the thing. */
const LANE_REACH = 4;

/** @param {App} app */
export function startLaneInput(app) {
  const { model, store, places } = app;
  const shape = laneShape(model.page);
  const box = byId("lanes");
  const canvas = canvasById("lane-canvas");

  const scale = () => {
    const width = box.clientWidth;
    const gutter = gutterOf(model, width);
    return new Scale(store.state.view, gutter, width - gutter - RIGHT_MARGIN);
  };
  const spot = (/** @type {MouseEvent} */ event) => {
    const { left, top } = canvas.getBoundingClientRect();
    const y = event.clientY - top - AXIS_HEIGHT + store.state.laneScroll;
    const track = event.clientY - top < AXIS_HEIGHT ? -1 : trackAt(shape, y, model.tracks.length);
    const x = event.clientX - left;
    return { track, x, time: scale().time(x), yInLane: y - track * shape.height };
  };

  /** @type {(event: PointerEvent) => void} */
  const click = (event) => {
    canvas.focus({ preventScroll: true });
    const { track, time, x, yInLane } = spot(event);
    if (track < 0) return;
    const { left, perPixel } = scale();
    if (x < left) {
      app.select({ ...store.state.selection, track });
      return;
    }
    const reach = LANE_REACH * perPixel;
    const isHit = (/** @type {Place} */ place) =>
      place.track === track && place.start - reach <= time && time <= place.end + reach;
    if (yInLane <= shape.markers) {
      const stall = places.stalls.find(isHit);
      const window = places.windows.find(isHit);
      if (stall) app.show(withBefore(stall));
      else if (window) app.show({ track, start: Math.max(0, window.start), end: window.end });
      if (stall || window) return;
    }
    const entry = entryNear(model.tracks[track], time, reach);
    if (entry >= 0) app.pick(track, entry);
  };

  addGestures(app, canvas, {
    scale,
    click,
    scroll: (distance) => {
      box.scrollTop += distance;
    },
    select: (from, to, isDone) => {
      const [begin, end] = [spot(from), spot(to)];
      if (begin.track < 0) return;
      const [start, stop] = [Math.min(begin.time, end.time), Math.max(begin.time, end.time)];
      const draft = selectionOf({ track: begin.track, start, end: stop });
      if (isDone) app.select(draft);
      else store.update({ draft, tip: null });
    },
  });

  canvas.addEventListener("pointermove", (event) => {
    if (event.buttons !== 0 || event.pointerType === "touch") return;
    const { track, time, x } = spot(event);
    const { left, perPixel } = scale();
    const isInside = track >= 0 && x >= left && time >= 0 && time < model.duration;
    const tip = isInside
      ? momentFacts(model, places, model.tracks[track], time, (LANE_REACH * perPixel) / 2)
      : null;
    store.update({ tip: tip && { x: event.clientX, y: event.clientY, ...tip } });
  });
  canvas.addEventListener("pointerleave", () => store.update({ tip: null }));
  box.addEventListener("scroll", () => store.update({ laneScroll: box.scrollTop, tip: null }));
}
