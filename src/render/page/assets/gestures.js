// Wheel, drag and pinch on anything that has the timeline's axis.

/** @import { App } from "./app.js" */
/** @import { Range } from "./viewport.js" */
import { panView, Scale, zoomView } from "./viewport.js";

/** A pointer that moves less than this many pixels clicks. */
const CLICK_REACH = 4;
/** A turn of the wheel by so many pixels doubles the visible time. */
const WHEEL_DOUBLES = 350;

/**
 * @typedef {{
 *   scale: () => Scale,
 *   click?: (event: PointerEvent) => void,
 *   select?: (from: PointerEvent, to: PointerEvent, isDone: boolean) => void,
 *   scroll?: (distance: number) => void,
 * }} Gestures `select` is for a drag with Shift, `scroll` for what a drag moves up and down
 */

/**
 * @param {App} app
 * @param {HTMLElement} element
 * @param {Gestures} gestures
 */
export function addGestures(app, element, gestures) {
  const { store, model } = app;
  element.addEventListener(
    "wheel",
    (event) => {
      const scale = gestures.scale();
      const x = event.clientX - element.getBoundingClientRect().left;
      // Beside the axis the wheel scrolls, as everywhere.
      if (x < scale.left) return;
      const { view } = store.state;
      const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
      const across = event.shiftKey && event.deltaX === 0 ? event.deltaY : event.deltaX;
      const isAcross = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
      const changed = isAcross
        ? panView(view, across * unit * scale.perPixel, model.duration)
        : zoomView(view, 2 ** ((event.deltaY * unit) / WHEEL_DOUBLES), scale.time(x), model.duration);
      // Where it changes nothing, the page scrolls: nobody is caught in the timeline.
      if (changed.start === view.start && changed.end === view.end) return;
      event.preventDefault();
      store.update({ view: changed, tip: null });
    },
    { passive: false },
  );
  addDrag(app, element, gestures);
}

/**
 * @param {App} app
 * @param {HTMLElement} element
 * @param {Gestures} gestures
 */
function addDrag({ store, model }, element, gestures) {
  /** @type {Map<number, PointerEvent>} */
  const pointers = new Map();
  /** @type {{ event: PointerEvent, view: Range, scale: Scale, hasMoved: boolean } | null} */
  let begin = null;

  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    pointers.set(event.pointerId, event);
    begin = { event, view: store.state.view, scale: gestures.scale(), hasMoved: pointers.size > 1 };
  });
  element.addEventListener("pointermove", (event) => {
    // A button that was released elsewhere drags nothing.
    if (event.buttons === 0) pointers.delete(event.pointerId);
    const before = pointers.get(event.pointerId);
    if (!before || !begin) return;
    const isFar =
      Math.hypot(event.clientX - begin.event.clientX, event.clientY - begin.event.clientY) >= CLICK_REACH;
    if (!begin.hasMoved && !isFar) return;
    // Only now, since a captured pointer clicks nothing else.
    if (!begin.hasMoved) element.setPointerCapture(event.pointerId);
    begin.hasMoved = true;
    if (pointers.size === 2) pinch(before, event);
    else if (begin.event.shiftKey && gestures.select) gestures.select(begin.event, event, false);
    else {
      const view = panView(
        begin.view,
        (begin.event.clientX - event.clientX) * begin.scale.perPixel,
        model.duration,
      );
      store.update({ view, tip: null });
      gestures.scroll?.(before.clientY - event.clientY);
    }
    pointers.set(event.pointerId, event);
  });
  /** @type {(before: PointerEvent, event: PointerEvent) => void} */
  const pinch = (before, event) => {
    const other = [...pointers.values()].find(({ pointerId }) => pointerId !== event.pointerId);
    if (!other) return;
    const left = element.getBoundingClientRect().left;
    const distance = (/** @type {PointerEvent} */ from) =>
      Math.max(20, Math.abs(from.clientX - other.clientX));
    const anchor = gestures.scale().time((event.clientX + other.clientX) / 2 - left);
    store.update({
      view: zoomView(store.state.view, distance(before) / distance(event), anchor, model.duration),
    });
  };
  element.addEventListener("pointerup", (event) => {
    if (!pointers.delete(event.pointerId) || !begin) return;
    if (!begin.hasMoved) gestures.click?.(event);
    else if (begin.event.shiftKey && pointers.size === 0) gestures.select?.(begin.event, event, true);
  });
  element.addEventListener("pointercancel", (event) => {
    pointers.delete(event.pointerId);
    store.update({ draft: null });
  });
}
