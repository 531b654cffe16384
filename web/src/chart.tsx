/** Curves over one axis, drawn by uPlot; dragging looks closer, two clicks show all; charts of one `cursor` group share the place that is pointed at. */
import { useEffect, useMemo, useRef, useState } from "react";
import uPlot from "uplot";

export interface Curve {
  label: string;
  x: ArrayLike<number>;
  y: ArrayLike<number>;
  /** Ends of an interval around y, drawn as a band. */
  low?: ArrayLike<number>;
  high?: ArrayLike<number>;
  /** Which of the seven colours, from 0; dashes tell eighth and later ones apart. */
  color?: number;
  dashed?: boolean;
}

export interface ChartProps {
  label: string;
  curves: readonly Curve[];
  height?: number;
  /** x is seconds since 1970. */
  time?: boolean;
  logY?: boolean;
  cursor?: string;
  /** A place on x that is marked, such as where a film is. */
  at?: number;
  /** A click says where on x. */
  seek?: (x: number) => void;
  /** Levels on y that are marked, such as a limit. */
  levels?: readonly { y: number; label: string }[];
  format?: (value: number) => string;
  formatX?: (value: number) => string;
  /** What x is. */
  over?: string;
}

const COLORS = 7;
/** Gives how wide the numbers beside an axis are, in pixels. */
const widest = (_: uPlot, ticks: string[] | null) => 16 + 7 * Math.max(3, ...(ticks ?? []).map((tick) => tick.length));
const usual = (value: number) => (Number.isFinite(value) ? String(Number(value.toPrecision(4))) : "–");

export function colorOf(curve: number): string {
  return `var(--series-${(curve % COLORS) + 1})`;
}

/** Gives curves as uPlot wants them: one x, and for each curve y, then the ends of its band where it has one. */
function aligned(curves: readonly Curve[]): uPlot.AlignedData {
  const tables = curves.map(({ x, y, low, high }) => [x, y, ...(low && high ? [low, high] : [])].map((each) => Array.from(each)) as uPlot.AlignedData);
  return tables.length ? uPlot.join(tables) : [[]];
}

export function Chart({ label, curves, height = 240, time = false, logY = false, cursor, at, seek, levels, format = usual, formatX, over }: ChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const newest = useRef({ at, seek, levels, format, formatX });
  newest.current = { at, seek, levels, format, formatX };
  const [pointed, setPointed] = useState<readonly (number | null | undefined)[] | null>(null);
  const data = useMemo(() => aligned(curves), [curves]);
  const dataNow = useRef(data);
  dataNow.current = data;
  // What it takes a new plot for; numbers alone are handed to the one that is there.
  const shape = JSON.stringify([curves.map(({ label, color, dashed, low }) => [label, color, dashed, !!low]), time, logY, cursor, height]);

  useEffect(() => {
    const place = host.current;
    if (!place) return;
    const css = getComputedStyle(place);
    const color = (name: string) => () => css.getPropertyValue(name);
    const series: uPlot.Series[] = [{}];
    const bands: uPlot.Band[] = [];
    curves.forEach((curve, number) => {
      const stroke = color(`--series-${((curve.color ?? number) % COLORS) + 1}`);
      const dash = curve.dashed || (curve.color ?? number) >= COLORS ? [6, 4] : undefined;
      series.push({ label: curve.label, stroke, width: 1.5, spanGaps: true, points: { show: false }, ...(dash && { dash }) });
      if (curve.low && curve.high) {
        const fill = () => `color-mix(in srgb, ${stroke()} 22%, transparent)`;
        bands.push({ series: [series.length + 1, series.length], fill });
        series.push(...[0, 1].map(() => ({ stroke: "transparent", width: 0, spanGaps: true, points: { show: false } })));
      }
    });
    const axis: uPlot.Axis = { stroke: color("--chart-ink"), grid: { stroke: color("--chart-line"), width: 1 }, ticks: { stroke: color("--chart-line"), width: 1, size: 4 }, font: "12px Inter, system-ui, sans-serif" };
    const made = new uPlot(
      {
        width: place.clientWidth,
        height,
        padding: [8, 12, 0, 0],
        series,
        bands,
        legend: { show: false },
        scales: { x: { time }, y: { distr: logY ? 3 : 1 } },
        axes: [
          { ...axis, size: 32, ...(!time && formatX && { values: (_, ticks) => ticks.map((tick) => newest.current.formatX?.(tick) ?? "") }) },
          { ...axis, size: widest, values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : newest.current.format(tick))) },
        ],
        cursor: { ...(cursor && { sync: { key: cursor, setSeries: false } }), y: false, points: { size: 6 } },
        hooks: {
          setCursor: [(self) => setPointed(self.cursor.idx == null ? null : self.data.map((each) => each[self.cursor.idx as number]))],
          draw: [(self) => drawMarks(self, newest.current, css)],
          ready: [(self) => self.over.addEventListener("click", () => newest.current.seek?.(self.posToVal(self.cursor.left ?? 0, "x")))],
        },
      },
      dataNow.current,
      place,
    );
    plot.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: place.clientWidth, height }));
    resized.observe(place);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const redraw = () => made.redraw(false);
    const themed = new MutationObserver(redraw);
    themed.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    scheme.addEventListener("change", redraw);
    return () => {
      scheme.removeEventListener("change", redraw);
      themed.disconnect();
      resized.disconnect();
      made.destroy();
    };
  }, [shape]);

  useEffect(() => {
    const made = plot.current;
    const before = made?.data[0];
    if (!made || !before || before === data[0]) return;
    // Whoever looks closer, by dragging, is left there when more comes.
    const [from, to] = [before[0] ?? 0, before.at(-1) ?? 0];
    const [min, max] = [made.scales.x?.min ?? from, made.scales.x?.max ?? to];
    made.batch(() => {
      made.setData(data);
      if (min > from || max < to) made.setScale("x", { min, max });
    });
  }, [data]);
  useEffect(() => plot.current?.redraw(false), [at, levels]);

  return (
    <figure aria-label={label}>
      <div ref={host} role="img" aria-label={label} className={`w-full overflow-hidden ${seek ? "cursor-crosshair" : ""}`} />
      <div className="mt-2 flex flex-wrap items-start justify-end gap-x-4 gap-y-1 text-xs">
        <Legend curves={curves} pointed={pointed} format={format} />
        {over && <p className="whitespace-nowrap text-quiet">{over} <span aria-hidden>→</span></p>}
      </div>
    </figure>
  );
}

function Legend({ curves, pointed, format }: { curves: readonly Curve[]; pointed: readonly (number | null | undefined)[] | null; format: (value: number) => string }) {
  let place = 1;
  return (
    <ul className="flex min-w-0 grow basis-56 flex-wrap gap-x-4 gap-y-1">
      {curves.map((curve, number) => {
        const value = pointed ? pointed[place] : curve.y[curve.y.length - 1];
        place += curve.low && curve.high ? 3 : 1;
        return (
          <li key={curve.label} className="flex items-center gap-1.5">
            <svg aria-hidden width="16" height="4" className="shrink-0" style={{ color: colorOf(curve.color ?? number) }}>
              <path d="M0 2h16" stroke="currentColor" strokeWidth="3" strokeDasharray={curve.dashed || (curve.color ?? number) >= COLORS ? "5 3" : undefined} />
            </svg>
            <span className="text-quiet">{curve.label}</span>
            <span className="font-medium">{value === null || value === undefined ? "–" : format(value)}</span>
          </li>
        );
      })}
    </ul>
  );
}

function drawMarks(plot: uPlot, { at, levels }: Pick<ChartProps, "at" | "levels">, css: CSSStyleDeclaration): void {
  const { ctx } = plot;
  const { left, top, width, height } = plot.bbox;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = css.getPropertyValue("--chart-ink");
  ctx.lineWidth = devicePixelRatio;
  ctx.font = `${12 * devicePixelRatio}px Inter, sans-serif`;
  for (const { y, label } of levels ?? []) {
    const place = Math.round(plot.valToPos(y, "y", true)) + 0.5;
    ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
    line(ctx, left, place, left + width, place);
    ctx.fillText(label, left + 6 * devicePixelRatio, place - 5 * devicePixelRatio);
  }
  if (at !== undefined) {
    const place = Math.round(plot.valToPos(at, "x", true)) + 0.5;
    ctx.setLineDash([]);
    ctx.lineWidth = 2 * devicePixelRatio;
    if (place >= left && place <= left + width) line(ctx, place, top, place, top + height);
  }
  ctx.restore();
}

function line(ctx: CanvasRenderingContext2D, x0: number, y0: number, x1: number, y1: number): void {
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.stroke();
}
