// The pane that tells all of one entry.

/** @import { App } from "./app.js" */
import { byId, make, setData } from "./dom.js";
import { frameText, momentText } from "./lane_facts.js";
import { framesOf, samplesOf } from "./model.js";
import { kindOfCategory } from "./palette.js";
import { countText, durationText } from "./words.js";

/** @param {App} app */
export function startDetails(app) {
  const { model, store } = app;
  const pane = byId("details");
  byId("details-close").addEventListener("click", () => store.update({ entry: null }));
  byId("details-before").addEventListener("click", () => stepEntry(app, -1));
  byId("details-after").addEventListener("click", () => stepEntry(app, 1));

  store.onChange(["entry"], ({ entry }) => {
    pane.hidden = !entry;
    if (!entry) return;
    const track = model.tracks[entry.track];
    const { index } = entry;
    const task = model.tasks[track.task[index]];
    /** @type {[string, string][]} */
    const facts = [
      ["Task", model.page.strings[task.comm]],
      ["Process, thread", `${task.pid}, ${task.tid}`],
      ["CPU", String(track.cpu)],
      ["From", momentText(model, track.start[index])],
      ["To", momentText(model, track.end[index])],
      ["Held", durationText(track.end[index] - track.start[index])],
      ["Samples", countText(samplesOf(track, index))],
    ];
    if (track.isIdle[index]) facts.push(["State", "idle"]);
    byId("details-facts").replaceChildren(
      ...facts.flatMap(([name, value]) => [make("dt", {}, [name]), make("dd", {}, [value])]),
    );
    const frames = framesOf(model, track.stack[index]);
    byId("details-stack").replaceChildren(
      ...frames.map((node) => {
        const kind = kindOfCategory(model.stacks.category[node]);
        return make("li", { class: kind, title: kind }, [frameText(model, node)]);
      }),
    );
    setData(pane, { track: entry.track, entry: index, frames: frames.length });
  });
}

/**
 * Picks the entry before or after.
 * @param {App} app
 * @param {1 | -1} step
 */
export function stepEntry(app, step) {
  const { entry, selection } = app.store.state;
  const track = app.model.tracks[entry?.track ?? Math.max(0, selection.track)];
  if (!track || track.start.length === 0) return;
  const first = app.segments(selection).find((segment) => segment.track === track);
  const from = entry ? entry.index + step : track.start.findIndex((start) => start >= (first?.start ?? 0));
  app.pick(track.index, Math.max(0, Math.min(track.start.length - 1, from)));
}
