/** Curves as they are looked at: smoothed, over steps or time, joined over seeds. */
import type { components } from "./api.gen";
import type { Ring } from "./feed";

export type Told = components["schemas"]["Curve"];

export interface Line {
  x: number[];
  y: number[];
}
export interface Joined extends Line {
  low: number[];
  high: number[];
}

/** Student's t for 95 %, by degrees of freedom from 1. */
const T95 = [12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23];
const GRID = 300;
const SPEED = "charts/SPS";

/** Gives a curve over steps: what was told so far, and what came since. */
export function overSteps(curve: Told, tail?: Ring): Line {
  const last = curve.step.at(-1) ?? -1;
  const x = [...curve.step];
  const y = [...curve.mean];
  for (let at = 0; at < (tail?.size ?? 0); at++) {
    const step = tail?.x[at] ?? 0;
    if (step <= last) continue;
    x.push(step);
    y.push(tail?.y[at] ?? Number.NaN);
  }
  return { x, y };
}

/** Gives a curve over seconds since its run began: as was told, else by how fast the run says it was; null where nobody knows. */
export function overTime(curve: Told, all: Readonly<Record<string, Told>>): Line | null {
  const first = curve.time[0];
  if (typeof first === "number" && curve.time.every((time) => time !== null)) return { x: curve.time.map((time) => (time ?? first) - first), y: curve.mean };
  const speed = all[SPEED];
  if (!speed?.step.length) return null;
  const seconds: number[] = [];
  speed.step.reduce((before, step, at) => {
    seconds.push((seconds.at(-1) ?? 0) + (step - before) / Math.max(speed.mean[at] ?? 1, 1e-9));
    return step;
  }, 0);
  return { x: curve.step.map((step) => valueAt({ x: speed.step, y: seconds }, step)), y: curve.mean };
}

/** Gives a curve with each value drawn towards those before it: a moving average with weight `part`, free of its start. */
export function smoothed<L extends Line>(line: L, part: number): L {
  if (part <= 0) return line;
  let [mean, weight] = [0, 0];
  const y = line.y.map((value) => {
    mean = part * mean + (1 - part) * value;
    weight = part * weight + (1 - part);
    return mean / weight;
  });
  return { ...line, y };
}

/** Gives the mean of curves where all of them are, with its 95 % interval where there are two or more. */
export function joined(lines: readonly Line[]): Joined | Line {
  const [only] = lines;
  if (!only || lines.length < 2) return only ?? { x: [], y: [] };
  const from = Math.max(...lines.map(({ x }) => x[0] ?? Number.POSITIVE_INFINITY));
  const to = Math.min(...lines.map(({ x }) => x.at(-1) ?? Number.NEGATIVE_INFINITY));
  if (!(to > from)) return { x: [], y: [] };
  const x = Array.from({ length: GRID }, (_, at) => from + ((to - from) * at) / (GRID - 1));
  const t = T95[lines.length - 2] ?? 2;
  const told = x.map((place) => {
    const values = lines.map((line) => valueAt(line, place));
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
    return [mean, t * Math.sqrt(variance / values.length)] as const;
  });
  return { x, y: told.map(([mean]) => mean), low: told.map(([mean, half]) => mean - half), high: told.map(([mean, half]) => mean + half) };
}

/** Gives the value of a curve between its places; beyond its ends, that of the end. */
export function valueAt({ x, y }: Line, place: number): number {
  let [low, high] = [0, x.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((x[middle] ?? 0) <= place) low = middle;
    else high = middle;
  }
  const [x0, x1, y0, y1] = [x[low] ?? 0, x[high] ?? 0, y[low] ?? Number.NaN, y[high] ?? Number.NaN];
  if (place <= x0 || x1 === x0) return y0;
  return place >= x1 ? y1 : y0 + ((y1 - y0) * (place - x0)) / (x1 - x0);
}
