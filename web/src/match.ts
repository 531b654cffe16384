/** Frames and templates of goals as shades, and how far they are from each other: as `src/ludus/goals/match.py` has it. */

export const WIDTH = 80;
export const HEIGHT = 72;
const PIXELS = WIDTH * HEIGHT;
const LARGEST = 3 * PIXELS;
const APART = 255 / 3;

/** Gives the shades, 0 the lightest to 3, of a picture at an address. Throws where it is none of 80 x 72. */
export async function shadesAt(address: string): Promise<Uint8Array> {
  const picture = new Image();
  picture.src = address;
  await picture.decode();
  if (picture.naturalWidth !== WIDTH || picture.naturalHeight !== HEIGHT) throw new Error(`The picture has ${picture.naturalWidth} x ${picture.naturalHeight} pixels, a goal has ${WIDTH} x ${HEIGHT}.`);
  const glass = new OffscreenCanvas(WIDTH, HEIGHT).getContext("2d", { willReadFrequently: true });
  if (!glass) throw new Error("This browser has no canvas.");
  glass.drawImage(picture, 0, 0);
  const { data } = glass.getImageData(0, 0, WIDTH, HEIGHT);
  return Uint8Array.from({ length: PIXELS }, (_, pixel) => 3 - Math.round((data[4 * pixel] ?? 0) / APART));
}

export function difference(frame: Uint8Array, template: Uint8Array): Uint8Array {
  return frame.map((shade, pixel) => Math.abs(shade - (template[pixel] ?? 0)));
}

export const distanceOf = (differences: Uint8Array): number => differences.reduce((sum, each) => sum + each, 0) / LARGEST;

/** Gives, for distances step by step, how many in a row count, and the step with which the goal is done, if ever. */
export function follow(distances: readonly number[], tau: number, k: number): { consec: number[]; reached: number | null } {
  let row = 0;
  const limit = Math.fround(tau);
  const consec = distances.map((distance) => (row = distance < limit ? row + 1 : 0));
  const reached = consec.findIndex((each) => each >= k);
  return { consec, reached: reached < 0 ? null : reached };
}
