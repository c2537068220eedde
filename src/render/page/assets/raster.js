// Paints lanes into pixels: the work for each is the same, whatever the number of entries.

/** @import { Columns } from "./levels.js" */
/** @import { LanePixels } from "./palette.js" */
import { WHO } from "./levels.js";
import { taskPixel } from "./palette.js";

/** @typedef {{ data: Uint32Array, width: number, height: number }} Pixels */

/** @typedef {{ top: number, height: number }} Band rows of pixels */

/** Order of what ran in a column, from the bottom: who matters most is always in the same place. */
const FROM_BOTTOM = [WHO.culprit, WHO.server, WHO.other];

/**
 * Paints what ran. A column in which several ran is divided by their shares of its time.
 * @param {Pixels} pixels
 * @param {Band} band
 * @param {Columns} columns
 * @param {number} columnNs
 * @param {LanePixels} colours
 * @param {((column: number) => number) | null} lostIn ns in which records were lost
 */
export function paintActivity(pixels, band, columns, columnNs, colours, lostIn) {
  const { top, height } = band;
  for (let x = 0; x < columns.width; x++) {
    let y = top + height;
    let sum = 0;
    for (const who of FROM_BOTTOM) {
      const held = columns.sums[x * 4 + who];
      if (held <= 0) continue;
      sum += held;
      const colour =
        who === WHO.culprit
          ? colours.culprit
          : who === WHO.server
            ? colours.server
            : taskPixel(colours, columns.task[x]);
      // Even a short run of the culprit is visible.
      const least = who === WHO.other ? 0 : 1;
      const to = Math.max(top, Math.min(y - least, top + height - Math.round((sum / columnNs) * height)));
      y = paintColumn(pixels, x, y, to, colour, colour);
    }
    sum += columns.sums[x * 4 + WHO.idle];
    y = paintColumn(
      pixels,
      x,
      y,
      Math.max(top, top + height - Math.round((sum / columnNs) * height)),
      colours.idle,
      colours.idle,
    );
    if (y > top && lostIn) {
      sum += lostIn(x);
      y = paintColumn(
        pixels,
        x,
        y,
        Math.max(top, top + height - Math.round((sum / columnNs) * height)),
        colours.lost,
        colours.lostStripe,
      );
    }
    paintColumn(pixels, x, y, top, colours.unsampled, colours.unsampledStripe);
  }
}

/**
 * @param {Pixels} pixels
 * @param {number} x
 * @param {number} from the row below the lowest
 * @param {number} to the highest row
 * @param {number} colour
 * @param {number} stripe the colour of hatching
 * @returns {number} the highest row that is painted
 */
function paintColumn(pixels, x, from, to, colour, stripe) {
  for (let y = from - 1; y >= to; y--) {
    pixels.data[y * pixels.width + x] = (x + y) % 6 < 2 ? stripe : colour;
  }
  return Math.min(from, to);
}

/**
 * Paints bars from the bottom of a band.
 * @param {Pixels} pixels
 * @param {Band} band
 * @param {number} colour
 * @param {(column: number) => number} shareOf from 0 to 1
 */
export function paintBars(pixels, band, colour, shareOf) {
  for (let x = 0; x < pixels.width; x++) {
    const share = shareOf(x);
    if (!(share > 0)) continue;
    const height = Math.min(band.height, Math.max(1, Math.round(share * band.height)));
    paintColumn(pixels, x, band.top + band.height, band.top + band.height - height, colour, colour);
  }
}
