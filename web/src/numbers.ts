/** Numbers, times and sizes as people read them. */

const COUNT = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const AGO = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];

export const count = (value: number): string => COUNT.format(value);
export const short = (value: number): string => minus(SHORT.format(value));
/** Gives a number with the sign that is as wide as a plus. */
const minus = (number: string): string => number.replace(/^-/, "−");

/** Gives how large a file is. */
export const size = (bytes: number): string => (bytes < 1000 ? `${bytes} B` : SHORT.format(bytes).replace(/[KMB]$/, (unit) => ` ${unit === "K" ? "k" : unit === "B" ? "G" : unit}B`));

/** Gives a measured value with as many digits as tell something. */
export function figure(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 100_000) return short(value);
  if (size >= 100 || Number.isInteger(value)) return minus(COUNT.format(value));
  return minus(size !== 0 && size < 0.001 ? value.toExponential(1) : String(Number(value.toPrecision(3))));
}

/** Gives how long ago a time in seconds since 1970 was. */
export function ago(at: number, now = Date.now() / 1000): string {
  const seconds = Math.min(0, at - now);
  const [unit, size] = STEPS.find(([, size]) => -seconds >= size) ?? ["second", 1];
  return AGO.format(Math.trunc(seconds / size), unit);
}

/** Gives a length of time: 1:02:03, 2:03 or 3.4 s. */
export function lasting(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const parts = [seconds / 3600, (seconds / 60) % 60, seconds % 60].map(Math.floor);
  const [first, ...rest] = parts[0] ? parts : parts.slice(1);
  return [first, ...rest.map((part) => String(part).padStart(2, "0"))].join(":");
}

export const share = (value: number): string => `${(value * 100).toFixed(value < 0.1 ? 1 : 0)} %`;
