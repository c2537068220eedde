// From the text in the page to numbers: base64, gzip, and LEB128.

/** Characters that are decoded at a time: a multiple of 4, since 4 characters are 3 bytes. */
const BASE64_PIECE = 1 << 20;

/**
 * @param {string} text
 * @returns {Uint8Array}
 */
export function bytesOfBase64(text) {
  const trimmed = text.trim();
  const native = /** @type {{ fromBase64?: (text: string) => Uint8Array }} */ (
    /** @type {unknown} */ (Uint8Array)
  );
  if (native.fromBase64) return native.fromBase64(trimmed);
  const padding = trimmed.endsWith("==") ? 2 : trimmed.endsWith("=") ? 1 : 0;
  const bytes = new Uint8Array((trimmed.length / 4) * 3 - padding);
  let at = 0;
  for (let from = 0; from < trimmed.length; from += BASE64_PIECE) {
    const piece = atob(trimmed.slice(from, from + BASE64_PIECE));
    for (let i = 0; i < piece.length; i++) bytes[at++] = piece.charCodeAt(i);
  }
  return bytes;
}

/**
 * @param {Uint8Array} bytes
 * @returns {Promise<Uint8Array>}
 */
export async function gunzip(bytes) {
  const blob = new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (bytes)]);
  const unpacked = blob.stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(unpacked).arrayBuffer());
}

/**
 * @param {Uint8Array[]} pieces
 * @returns {Uint8Array}
 */
export function joinBytes(pieces) {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** @typedef {Float64Array | Uint32Array | Uint16Array | Uint8Array} Column */

/** Reads unsigned LEB128 numbers one after the other. */
export class NumberReader {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  /** @returns {number} */
  read() {
    const { bytes } = this;
    if (this.at >= bytes.length) throw new Error("the data of this page end too early");
    let byte = bytes[this.at++];
    if (byte < 128) return byte;
    let value = byte & 127;
    // No shifts: they cut numbers to 32 bits.
    for (let scale = 128; byte >= 128; scale *= 128) {
      byte = bytes[this.at++];
      value += (byte & 127) * scale;
    }
    return value;
  }

  /**
   * Fills a column with the next numbers.
   * @template {Column} T
   * @param {T} column
   * @returns {T}
   */
  fill(column) {
    for (let i = 0; i < column.length; i++) column[i] = this.read();
    return column;
  }

  /**
   * Fills a column with sums: each number is the distance from the value before it.
   * @template {Column} T
   * @param {T} column
   * @returns {T}
   */
  fillSums(column) {
    let sum = 0;
    for (let i = 0; i < column.length; i++) column[i] = sum += this.read();
    return column;
  }

  /** @returns {boolean} */
  isAtEnd() {
    return this.at === this.bytes.length;
  }
}
