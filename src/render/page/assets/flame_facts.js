// What blocks of flame charts are, in words.

/** @import { App } from "./app.js" */
/** @import { Model, Document } from "./model.js" */
/** @import { State } from "./store.js" */
/** @import { Block, Layout } from "./flame_order.js" */
/** @import { Tree } from "./flame_merge.js" */
/** @import { FrameKind } from "./palette.js" */
import { functionText, moduleText } from "./model.js";
import { labelText } from "./flame_merge.js";
import { BLOCKS_ACROSS, FILLER } from "./flame_order.js";
import { WHO } from "./levels.js";
import { kindOfCategory } from "./palette.js";
import { lengthOf } from "./selection.js";
import { countOf, durationText, shareText } from "./words.js";

/**
 * @param {Model} model
 * @param {number} label
 * @returns {string}
 */
export function blockName(model, label) {
  switch (label) {
    case FILLER.idle:
      return "idle";
    case FILLER.lost:
      return "lost";
    case FILLER.unsampled:
      return "unsampled";
    case FILLER.narrow:
      return "(narrower)";
    default:
      return labelText(model, label);
  }
}

/**
 * The frames of the culprits' paths, by the stalls' document.
 * @param {Model} model
 * @returns {(comm: number, fn: number) => boolean} by labels
 */
export function culpritFrames(model) {
  const { strings, tasks } = model.page;
  /** @type {Map<string, Set<string>>} names of functions by comm; "" is any */
  const paths = new Map();
  const add = (/** @type {string} */ comm, /** @type {Document} */ culprit) => {
    const names = paths.get(comm) ?? new Set();
    paths.set(comm, names);
    for (const name of [...(culprit.path ?? []), ...(culprit.beyond ?? [])]) names.add(name);
  };
  for (const { culprit } of model.documents.stalls?.stalls ?? []) {
    if (culprit) add(culprit.holder?.kind === "task" ? culprit.holder.comm : "", culprit);
  }
  const commOfLabel = new Map(
    tasks.map(({ comm, folded }) => [model.functionName.length + folded, strings[comm]]),
  );
  return (comm, fn) => {
    const name = functionText(model, fn);
    return paths.get(commOfLabel.get(comm) ?? "")?.has(name) || paths.get("")?.has(name) || false;
  };
}

/**
 * @param {App} app
 * @param {Block} block
 * @param {(comm: number, fn: number) => boolean} isCulprit
 * @returns {FrameKind}
 */
export function kindOfBlock({ model, who }, block, isCulprit) {
  const functions = model.functionName.length;
  if (block.label < functions) {
    return isCulprit(block.comm, block.label) ? "culprit" : kindOfCategory(block.category);
  }
  const task = model.tasks.findIndex(({ folded }) => folded === block.label - functions);
  return who[task] === WHO.culprit ? "culprit" : who[task] === WHO.server ? "server" : "task";
}

/**
 * @param {App} app
 * @param {State} state
 * @param {{ layout: Layout, tree: Tree | null }} flame
 * @returns {string}
 */
export function flameCaption({ segments, places }, state, { layout, tree }) {
  if (!tree) {
    const least = durationText((layout.end - layout.start) / BLOCKS_ACROSS);
    const narrow =
      layout.narrow > 0
        ? ` ${countOf(layout.narrow, "block")} shorter than ${least} are joined; zoom in to see them.`
        : "";
    const shown = durationText(layout.end - layout.start);
    return `Time from left to right, ${shown}; callers above callees.${narrow}`;
  }
  const narrow =
    layout.narrow > 0 ? ` ${countOf(layout.narrow, "frame")} too narrow to draw; zoom in to see them.` : "";
  const parts = Object.entries({ idle: tree.idle, lost: tree.lost, unsampled: tree.unsampled })
    .filter(([, time]) => time > 0)
    .map(([name, time]) => `${name} ${durationText(time)}`);
  const left = parts.length > 0 ? `Left out: ${parts.join(", ")}.` : "";
  if (state.mode === "merged") {
    const busy = durationText(tree.root.time);
    const whole = durationText(lengthOf(segments(state.selection)));
    return `${busy} busy of ${whole}, equal stacks added up. ${left}${narrow}`;
  }
  if (places.windows.length === 0) {
    return "There are no windows before ksoftirqd in this recording, so there is nothing to compare.";
  }
  return (
    `${countOf(places.windows.length, "window")}: ${durationText(tree.root.time)} busy, against ` +
    `${durationText(tree.root.rest)} busy in the rest of their CPUs' time. The selection does not matter here. ` +
    `${left}${narrow}`
  );
}

/**
 * @param {App} app
 * @param {State} state
 * @param {{ layout: Layout, tree: Tree | null }} flame
 * @param {Block} block
 * @returns {{ title: string, lines: string[] }}
 */
export function blockFacts({ model, segments }, state, { tree }, block) {
  const { label, time, samples, rest } = block;
  const title = blockName(model, label);
  const lines = [];
  if (label >= 0 && label < model.functionName.length)
    lines.push(moduleText(model, label) || "module unknown");
  else if (label >= 0) lines.push("task");
  if (label === FILLER.narrow) lines.push("several blocks, too narrow to draw");
  lines.push(`${durationText(time)} · ${countOf(samples, "sample")}`);
  if (tree && state.mode === "difference") {
    lines.push(`${shareText(time, tree.root.time)} of the busy time in windows`);
    lines.push(`${shareText(rest, tree.root.rest)} of the busy time outside`);
    return { title, lines };
  }
  lines.push(`${shareText(time, lengthOf(segments(state.selection)))} of the selected time`);
  if (tree) lines.push(`${shareText(time, tree.root.time)} of its busy time`);
  return { title, lines };
}
