// The merged flame graph, and the difference of two: equal paths are added up, whenever they ran.

/** @import { Model } from "./model.js" */
/** @import { Segment } from "./selection.js" */
/** @import { Window } from "./places.js" */
/** @import { Block, Layout } from "./flame_order.js" */
import { functionText, framesOf, samplesOf } from "./model.js";
import { countBelow, lastUpTo } from "./sorted.js";
import { BLOCKS_ACROSS, commLabel } from "./flame_order.js";

/**
 * A function below its callers. `time` and `samples` are of what is drawn, `rest` is the time in
 * what it is compared with.
 * @typedef {{ label: number, category: number, time: number, samples: number, rest: number,
 *   children: Map<number, TreeNode> }} TreeNode
 * @typedef {{ root: TreeNode, idle: number, lost: number, unsampled: number }} Tree
 */

/**
 * @param {number} label
 * @param {number} category
 * @returns {TreeNode}
 */
function newNode(label, category) {
  return { label, category, time: 0, samples: 0, rest: 0, children: new Map() };
}

/**
 * What was done in some segments.
 * @typedef {{ paths: Map<number, { task: number, node: number, time: number, samples: number }>,
 *   idle: number, lost: number, unsampled: number }} Sums
 */

/**
 * Adds up entries by task's comm and stack, before anything is done for each frame.
 * @param {Model} model
 * @param {Segment[]} segments
 * @returns {Sums}
 */
function addUp(model, segments) {
  /** @type {Sums} */
  const sums = { paths: new Map(), idle: 0, lost: 0, unsampled: 0 };
  const nodes = model.stacks.parent.length;
  for (const { track, start, end } of segments) {
    let held = 0;
    const last = countBelow(track.start, end);
    for (let i = Math.max(0, lastUpTo(track.start, start)); i < last; i++) {
      const time = Math.max(0, Math.min(end, track.end[i]) - Math.max(start, track.start[i]));
      held += time;
      if (track.isIdle[i]) {
        sums.idle += time;
        continue;
      }
      const samples = track.start[i] >= start ? samplesOf(track, i) : 0;
      if (time === 0 && samples === 0) continue;
      const [task, node] = [track.task[i], track.stack[i]];
      const key = model.tasks[task].folded * nodes + node;
      const path = sums.paths.get(key);
      if (path) {
        path.time += time;
        path.samples += samples;
      } else sums.paths.set(key, { task, node, time, samples });
    }
    const lost = Math.min(track.gaps.cover.within(start, end), end - start - held);
    sums.lost += lost;
    sums.unsampled += end - start - held - lost;
  }
  return sums;
}

/**
 * @param {Model} model
 * @param {TreeNode} root
 * @param {Sums} sums
 * @param {boolean} isRest
 */
function growTree(model, root, sums, isRest) {
  for (const { task, node, time, samples } of sums.paths.values()) {
    const comm = commLabel(model, task);
    let at = root;
    for (const frame of [0, ...framesOf(model, node)]) {
      const label = frame === 0 ? comm : model.stacks.fn[frame];
      let child = at.children.get(label);
      if (!child) {
        child = newNode(label, frame === 0 ? 0 : model.stacks.category[frame]);
        at.children.set(label, child);
      }
      addTo(at, time, samples, isRest);
      at = child;
    }
    addTo(at, time, samples, isRest);
  }
}

/**
 * @param {TreeNode} node
 * @param {number} time
 * @param {number} samples
 * @param {boolean} isRest
 */
function addTo(node, time, samples, isRest) {
  if (isRest) node.rest += time;
  else {
    node.time += time;
    node.samples += samples;
  }
}

/**
 * @param {Model} model
 * @param {Segment[]} segments
 * @returns {Tree}
 */
export function mergeStacks(model, segments) {
  const sums = addUp(model, segments);
  const root = newNode(-1, 0);
  growTree(model, root, sums, false);
  return { root, idle: sums.idle, lost: sums.lost, unsampled: sums.unsampled };
}

/**
 * The windows against the rest of their CPUs' time.
 * @param {Model} model
 * @param {Window[]} windows
 * @returns {Tree}
 */
export function compareWindows(model, windows) {
  const inside = windowSegments(model, windows);
  const sums = addUp(model, inside);
  const root = newNode(-1, 0);
  growTree(model, root, sums, false);
  growTree(model, root, addUp(model, outsideOf(model, inside)), true);
  return { root, idle: sums.idle, lost: sums.lost, unsampled: sums.unsampled };
}

/**
 * @param {Model} model
 * @param {Window[]} windows
 * @returns {Segment[]} by track and time, without overlaps
 */
export function windowSegments(model, windows) {
  const sorted = windows
    .filter(({ track }) => track >= 0)
    .sort((a, b) => a.track - b.track || a.start - b.start);
  /** @type {Segment[]} */
  const segments = [];
  for (const window of sorted) {
    const track = model.tracks[window.track];
    const before = segments[segments.length - 1];
    const least = before?.track === track ? before.end : 0;
    const [start, end] = [Math.max(least, window.start), Math.min(model.duration, window.end)];
    if (start < end) segments.push({ track, start, end });
  }
  return segments;
}

/**
 * @param {Model} model
 * @param {Segment[]} inside by track and time
 * @returns {Segment[]} the rest of the time of their tracks
 */
function outsideOf(model, inside) {
  /** @type {Segment[]} */
  const segments = [];
  for (const track of new Set(inside.map((segment) => segment.track))) {
    let at = 0;
    for (const segment of inside) {
      if (segment.track !== track) continue;
      if (at < segment.start) segments.push({ track, start: at, end: segment.start });
      at = segment.end;
    }
    if (at < model.duration) segments.push({ track, start: at, end: model.duration });
  }
  return segments;
}

/**
 * @param {Model} model
 * @param {number} label
 * @returns {string} the name of a function, or of a comm as collapse prints it
 */
export function labelText(model, label) {
  const functions = model.functionName.length;
  return label < functions ? functionText(model, label) : (model.page.strings[label - functions] ?? "");
}

/**
 * @param {Tree} tree
 * @param {number[]} focus labels from the root to the node whose callees fill the picture
 * @returns {TreeNode[]} the nodes of this path, as far as it exists; the root first
 */
function nodesAlong(tree, focus) {
  const nodes = [tree.root];
  for (const label of focus) {
    const child = nodes[nodes.length - 1].children.get(label);
    if (!child) break;
    nodes.push(child);
  }
  return nodes;
}

/**
 * Callers on top, callees below, side by side by name or by weight.
 * @param {Model} model
 * @param {Tree} tree
 * @param {"name" | "weight"} order
 * @param {number[]} focus
 * @returns {Layout}
 */
export function layOutMerged(model, tree, order, focus) {
  const along = nodesAlong(tree, focus);
  const top = along[along.length - 1];
  const total = top.time;
  const least = total / BLOCKS_ACROSS;
  /** @type {Layout} */
  const layout = { blocks: [], depth: 0, total, start: 0, end: total, narrow: 0 };
  /** @type {number[]} */
  const path = [];
  /** @type {(node: TreeNode, start: number, end: number, comm: number) => void} */
  const put = (node, start, end, comm) => {
    const { label, category, time, samples, rest } = node;
    const depth = path.length;
    path.push(label);
    layout.blocks.push({ start, end, depth, label, category, comm, time, samples, rest, path: path.slice() });
    layout.depth = Math.max(layout.depth, depth + 1);
  };
  for (const node of along.slice(1)) put(node, 0, total, focus[0]);
  /** @type {(node: TreeNode, start: number) => void} */
  const putChildren = (node, start) => {
    let at = start;
    for (const child of sortedChildren(model, node, order)) {
      if (child.time < least || child.time === 0) layout.narrow++;
      else {
        put(child, at, at + child.time, path[0] ?? child.label);
        putChildren(child, at);
        path.pop();
      }
      at += child.time;
    }
  };
  putChildren(top, 0);
  return layout;
}

/**
 * @param {Model} model
 * @param {TreeNode} node
 * @param {"name" | "weight"} order
 * @returns {TreeNode[]}
 */
function sortedChildren(model, node, order) {
  const named = [...node.children.values()].map((child) => ({ child, name: labelText(model, child.label) }));
  named.sort((a, b) => {
    const byName = a.name < b.name ? -1 : a.name > b.name ? 1 : a.child.label - b.child.label;
    return order === "name" ? byName : b.child.time - a.child.time || byName;
  });
  return named.map(({ child }) => child);
}

/**
 * How much greater a block's share is than in what it is compared with, from -1 to 1.
 * @param {Block} block
 * @param {TreeNode} root
 * @returns {number}
 */
export function changeOf(block, root) {
  const share = root.time > 0 ? block.time / root.time : 0;
  const rest = root.rest > 0 ? block.rest / root.rest : 0;
  return share + rest > 0 ? (share - rest) / (share + rest) : 0;
}
