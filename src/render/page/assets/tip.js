// The tip at the pointer.

/** @import { Store } from "./store.js" */
import { byId, make } from "./dom.js";

const DISTANCE = 14;

/** @param {Store} store */
export function startTip(store) {
  const tip = byId("tip");
  store.onChange(["tip"], (state) => {
    tip.hidden = !state.tip;
    if (!state.tip) return;
    const { x, y, title, lines } = state.tip;
    tip.replaceChildren(
      make("strong", {}, [title]),
      ...lines.filter((line) => line).map((line) => make("div", {}, [line])),
    );
    const { width, height } = tip.getBoundingClientRect();
    const [roomRight, roomBelow] = [
      document.documentElement.clientWidth - width,
      window.innerHeight - height,
    ];
    const left = x + DISTANCE <= roomRight - 4 ? x + DISTANCE : Math.max(4, x - DISTANCE - width);
    const top = y + DISTANCE <= roomBelow - 4 ? y + DISTANCE : Math.max(4, y - DISTANCE - height);
    tip.style.left = `${Math.max(4, Math.min(left, roomRight - 4))}px`;
    tip.style.top = `${top}px`;
  });
}
