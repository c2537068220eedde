// Draws the flame charts: in time order, merged, and the difference.

/** @import { App } from "./app.js" */
/** @import { State } from "./store.js" */
/** @import { Block, Layout } from "./flame_order.js" */
/** @import { Tree } from "./flame_merge.js" */
/** @import { Paper } from "./dom.js" */
/** @import { Colour } from "./palette.js" */
import { byId, canvasById, CANVAS_FONT, fitCanvas, fitText, setData } from "./dom.js";
import { blockName, culpritFrames, flameCaption, kindOfBlock } from "./flame_facts.js";
import { changeOf, layOutMerged } from "./flame_merge.js";
import { FILLER, layOutInOrder } from "./flame_order.js";
import { changeColour, css, fillerColours, frameColour, textOn, themeOf } from "./palette.js";
import { remember } from "./store.js";
import { countText } from "./words.js";

export const ROW_HEIGHT = 19;

/**
 * What is drawn: also the tree, unless it is in time order.
 * @typedef {{ layout: Layout, tree: Tree | null }} Flame
 */

/**
 * @param {App} app
 * @returns {(state: State) => Flame}
 */
export function flameMaker(app) {
  const { model } = app;
  const ordered = remember(
    (/** @type {State["selection"]} */ selection, /** @type {State["zoom"]} */ zoom) => ({
      layout: layOutInOrder(model, app.segments(selection), zoom),
      tree: null,
    }),
  );
  const merged = remember(
    (/** @type {Tree} */ tree, /** @type {State["order"]} */ order, /** @type {number[]} */ focus) => ({
      layout: layOutMerged(model, tree, order, focus),
      tree,
    }),
  );
  return (state) => {
    if (state.mode === "ordered") return ordered(state.selection, state.zoom);
    const tree = state.mode === "merged" ? app.tree(state.selection) : app.difference();
    return merged(tree, state.order, state.focus);
  };
}

/**
 * @param {App} app
 * @param {(state: State) => Flame} flameOf
 */
export function startFlame(app, flameOf) {
  const { store, model, places } = app;
  const canvas = canvasById("flame-canvas");
  const isFrame = culpritFrames(model);

  store.onChange(["selection", "mode", "order", "zoom", "focus", "query", "isDark", "width"], (state) => {
    const isShown = ["ordered", "merged", "difference"].includes(state.mode);
    byId("flame-panel").hidden = !isShown;
    byId("order-choice").hidden = !isShown || state.mode === "ordered";
    byId("flame-out").hidden = !isShown || (state.zoom === null && state.focus.length === 0);
    if (!isShown) return;
    const flame = flameOf(state);
    const { layout } = flame;
    const isEmpty = layout.blocks.length === 0;
    const width = byId("flame-panel").clientWidth;
    const paper = fitCanvas(canvas, width, Math.max(1, layout.depth) * ROW_HEIGHT + 1);
    const counts = drawFlame(app, state, flame, paper, isFrame);
    byId("flame-caption").textContent = flameCaption(app, state, flame);
    byId("flame-legend").hidden = state.mode === "difference";
    byId("difference-legend").hidden = state.mode !== "difference";
    setData(canvas, {
      blocks: layout.blocks.length,
      depth: layout.depth,
      total: Math.round(layout.total),
      matches: counts.matches,
      startNs: Math.round(layout.start),
      endNs: Math.round(layout.end),
      narrow: layout.narrow,
      mode: state.mode,
    });
    const what = {
      ordered: "Flame chart in time order",
      merged: "Merged flame graph",
      difference: `Flame graph of ${places.windows.length} windows against the rest of their CPUs' time`,
    };
    canvas.setAttribute(
      "aria-label",
      `${what[/** @type {"ordered"} */ (state.mode)]}: ` +
        (isEmpty
          ? "nothing ran."
          : `${countText(layout.blocks.length)} blocks, ${layout.depth} deep. ` +
            "Arrow keys move between blocks, Enter zooms into one."),
    );
  });
  store.onChange(["block", "selection", "mode", "order", "zoom", "focus", "width"], (state) => {
    const mark = byId("flame-mark");
    const isShown = ["ordered", "merged", "difference"].includes(state.mode);
    const block = isShown ? flameOf(state).layout.blocks[state.block] : undefined;
    mark.hidden = !block;
    if (!block) return;
    const { x, width } = blockBox(flameOf(state).layout, block, canvas.clientWidth);
    mark.style.left = `${x}px`;
    mark.style.top = `${block.depth * ROW_HEIGHT}px`;
    mark.style.width = `${Math.max(2, width)}px`;
    mark.style.height = `${ROW_HEIGHT}px`;
  });
}

/**
 * @param {Layout} layout
 * @param {Block} block
 * @param {number} width of the canvas
 */
export function blockBox(layout, block, width) {
  const perPixel = (layout.end - layout.start) / Math.max(1, width);
  const x = Math.max(0, (block.start - layout.start) / perPixel);
  return { x, width: Math.min(width, (block.end - layout.start) / perPixel) - x };
}

/**
 * @param {App} app
 * @param {State} state
 * @param {Flame} flame
 * @param {Paper} paper
 * @param {(comm: number, fn: number) => boolean} isCulprit
 * @returns {{ matches: number }}
 */
function drawFlame(app, state, { layout, tree }, paper, isCulprit) {
  const { context, width, height } = paper;
  const theme = themeOf(state.isDark);
  const matches = app.matches(state.query);
  const functions = app.model.functionName.length;
  const commMatches = new Set(
    app.model.tasks.filter((_, task) => matches?.task[task]).map(({ folded }) => folded),
  );
  context.fillStyle = css(theme.ground);
  context.fillRect(0, 0, width, height);
  context.font = CANVAS_FONT;
  context.textBaseline = "middle";
  let matched = 0;
  for (const block of layout.blocks) {
    const box = blockBox(layout, block, width);
    const { label } = block;
    const name = blockName(app.model, label);
    const isMatch =
      matches !== null &&
      label >= 0 &&
      (label < functions ? matches.fn[label] === 1 : commMatches.has(label - functions));
    if (isMatch) matched++;
    /** @type {Colour | null} */
    let stripe = null;
    let colour;
    if (label < 0) ({ colour, stripe } = fillerColours(label, theme));
    else if (isMatch) colour = theme.match;
    else if (tree && state.mode === "difference") colour = changeColour(changeOf(block, tree.root), theme);
    else colour = frameColour(kindOfBlock(app, block, isCulprit), name, theme);
    const y = block.depth * ROW_HEIGHT;
    // A pixel between neighbours, where there is room for it.
    const wide = box.width > 3 ? box.width - 1 : Math.max(0.5, box.width);
    context.fillStyle = css(colour);
    context.fillRect(box.x, y, wide, ROW_HEIGHT - 1);
    if (stripe) hatch(context, box.x, y, wide, css(stripe));
    if (isMatch && wide > 4) {
      context.strokeStyle = theme.text;
      context.lineWidth = 1;
      context.strokeRect(box.x + 0.5, y + 0.5, wide - 1, ROW_HEIGHT - 2);
    }
    const text = fitText(context, name, wide - 8);
    if (!text) continue;
    context.fillStyle = label === FILLER.unsampled || label === FILLER.lost ? theme.text : textOn(colour);
    context.fillText(text, box.x + 4, y + ROW_HEIGHT / 2);
  }
  return { matches: matched };
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 * @param {number} width
 * @param {string} stripe
 */
function hatch(context, x, y, width, stripe) {
  if (width < 3) return;
  context.save();
  context.beginPath();
  context.rect(x, y, width, ROW_HEIGHT - 1);
  context.clip();
  context.strokeStyle = stripe;
  context.lineWidth = 1.5;
  context.beginPath();
  for (let from = x - ROW_HEIGHT; from < x + width; from += 7) {
    context.moveTo(from, y + ROW_HEIGHT);
    context.lineTo(from + ROW_HEIGHT, y);
  }
  context.stroke();
  context.restore();
}
