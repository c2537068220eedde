// Numbers and times as text.

/**
 * @param {number} count
 * @returns {string} with a comma between thousands
 */
export function countText(count) {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 * @returns {string} such as "3 samples"
 */
export function countOf(count, one, many = `${one}s`) {
  return `${countText(count)} ${count === 1 ? one : many}`;
}

/**
 * @param {number} ns
 * @returns {string} with three digits or more, such as "1.25 ms"
 */
export function durationText(ns) {
  const size = Math.abs(ns);
  if (size < 1e3) return `${Math.round(ns)} ns`;
  const [scale, unit] = size < 999.5e3 ? [1e3, "µs"] : size < 999.5e6 ? [1e6, "ms"] : [1e9, "s"];
  const value = ns / scale;
  const digits = Math.abs(value) < 9.995 ? 2 : Math.abs(value) < 99.95 ? 1 : 0;
  return `${value.toFixed(digits).replace(/\.0+$/, "")} ${unit}`;
}

/**
 * @param {number} part
 * @param {number} whole
 * @returns {string}
 */
export function shareText(part, whole) {
  if (!(whole > 0)) return "–";
  const percent = (100 * part) / whole;
  if (percent > 0 && percent < 0.01) return "<0.01 %";
  return `${percent.toFixed(percent < 0.995 ? 2 : percent < 99.95 ? 1 : 0)} %`;
}

/**
 * @param {bigint} ns of the recording's clock
 * @returns {string} seconds with nine digits, as all commands print and take them
 */
export function secondsText(ns) {
  const sign = ns < 0n ? "-" : "";
  const digits = String(ns < 0n ? -ns : ns).padStart(10, "0");
  return `${sign}${digits.slice(0, -9)}.${digits.slice(-9)}`;
}

/**
 * @param {bigint} ns since 1970
 * @returns {string} UTC with microseconds
 */
export function dayTimeText(ns) {
  const whole = new Date(Number(ns / 1000000n));
  if (Number.isNaN(whole.getTime())) return "";
  const micros = String((ns / 1000n) % 1000n).padStart(3, "0");
  return whole.toISOString().replace("T", " ").replace("Z", `${micros} UTC`);
}

/**
 * Places for labels on an axis: few enough for the room, at round numbers.
 * @param {number} start
 * @param {number} end
 * @param {number} room how many labels there may be
 * @param {number} [origin] where the round numbers begin, relative to 0 of start and end
 * @returns {{ step: number, places: number[] }}
 */
export function axisTicks(start, end, room, origin = 0) {
  const least = Math.max(1, (end - start) / Math.max(1, room));
  const power = 10 ** Math.floor(Math.log10(least));
  const step = power * ([1, 2, 5, 10].find((times) => times * power >= least) ?? 10);
  const places = [];
  for (let place = Math.ceil((start - origin) / step) * step + origin; place <= end; place += step) {
    places.push(place);
  }
  return { step, places };
}

/**
 * @param {bigint} ns of the recording's clock
 * @param {number} step between labels, in ns
 * @returns {string} seconds, with as many digits as neighbours need to differ
 */
export function tickText(ns, step) {
  const digits = Math.min(9, Math.max(0, 9 - Math.floor(Math.log10(step) + 1e-9)));
  const text = secondsText(ns);
  return digits === 0 ? text.slice(0, -10) : text.slice(0, text.length - 9 + digits);
}

/**
 * @param {string} text
 * @returns {number} a number that depends on the text alone, below 2^32
 */
export function hashOf(text) {
  let hash = 7;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) >>> 0;
  return hash;
}
