// What pointers and keys do in the flame charts.

/** @import { App } from "./app.js" */
/** @import { State } from "./store.js" */
/** @import { Block, Layout } from "./flame_order.js" */
/** @import { Flame } from "./flame_view.js" */
import { byId, canvasById } from "./dom.js";
import { blockFacts } from "./flame_facts.js";
import { blockBox, ROW_HEIGHT } from "./flame_view.js";

/**
 * @param {App} app
 * @param {(state: State) => Flame} flameOf
 */
export function startFlameInput(app, flameOf) {
  const { store } = app;
  const canvas = canvasById("flame-canvas");

  const blockAt = (/** @type {MouseEvent} */ event) => {
    const { left, top, width } = canvas.getBoundingClientRect();
    const { layout } = flameOf(store.state);
    const time = layout.start + ((event.clientX - left) / width) * (layout.end - layout.start);
    const depth = Math.floor((event.clientY - top) / ROW_HEIGHT);
    return layout.blocks.findIndex(
      (block) => block.depth === depth && block.start <= time && time < block.end,
    );
  };
  const zoomInto = (/** @type {Block | undefined} */ block) => {
    if (!block) return;
    if (block.path) store.update({ focus: block.path, block: -1, tip: null });
    else store.update({ zoom: { start: block.start, end: block.end }, block: -1, tip: null });
  };
  const zoomOut = () => store.update({ zoom: null, focus: [], block: -1, tip: null });
  const show = (/** @type {number} */ index, /** @type {number} */ x, /** @type {number} */ y) => {
    const flame = flameOf(store.state);
    const block = flame.layout.blocks[index];
    const tip = block ? { x, y, ...blockFacts(app, store.state, flame, block) } : null;
    store.update({ block: index, tip });
  };

  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "touch") show(blockAt(event), event.clientX, event.clientY);
  });
  canvas.addEventListener("pointerleave", () => store.update({ block: -1, tip: null }));
  canvas.addEventListener("click", (event) => zoomInto(flameOf(store.state).layout.blocks[blockAt(event)]));
  byId("flame-out").addEventListener("click", zoomOut);

  canvas.addEventListener("keydown", (event) => {
    const { layout } = flameOf(store.state);
    if (event.key === "Enter" || event.key === " ") zoomInto(layout.blocks[store.state.block]);
    else if (event.key === "Escape" && (store.state.zoom || store.state.focus.length > 0)) zoomOut();
    else if (event.key.startsWith("Arrow")) {
      const index = neighbourBlock(layout, store.state.block, event.key);
      const block = layout.blocks[index];
      const { left, top, width } = canvas.getBoundingClientRect();
      if (block) show(index, left + blockBox(layout, block, width).x, top + (block.depth + 1) * ROW_HEIGHT);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

/**
 * @param {Layout} layout
 * @param {number} from
 * @param {string} key
 * @returns {number} the block in this direction, or the one before
 */
export function neighbourBlock({ blocks }, from, key) {
  const block = blocks[from];
  /** @type {(isFound: (other: Block) => boolean, isLast?: boolean) => number} */
  const first = (isFound, isLast = false) => {
    let best = -1;
    blocks.forEach((other, index) => {
      if (!isFound(other)) return;
      const isBetter =
        best < 0 || (isLast ? other.start > blocks[best].start : other.start < blocks[best].start);
      if (isBetter) best = index;
    });
    return best < 0 ? from : best;
  };
  if (!block) return first(({ depth }) => depth === 0);
  switch (key) {
    case "ArrowDown":
      return first(
        ({ depth, start, end }) => depth === block.depth + 1 && start >= block.start && end <= block.end,
      );
    case "ArrowUp":
      return first(
        ({ depth, start, end }) => depth === block.depth - 1 && start <= block.start && end >= block.end,
      );
    case "ArrowRight":
      return first(({ depth, start }) => depth === block.depth && start >= block.end);
    default:
      return first(({ depth, end }) => depth === block.depth && end <= block.start, true);
  }
}
