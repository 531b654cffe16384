/** What an episode told at each step, in lanes below each other, under one cursor. */
import { type KeyboardEvent, memo, type PointerEvent, useMemo, useRef } from "react";
import { figure } from "./numbers";
import { type Playhead, useShown } from "./playhead";
import { useStore } from "./store";

export interface Row {
  name: string;
  steps: readonly number[];
  /** A colour of CSS; that of its lane without it. */
  color?: string;
}

export type Lane = { label: string } & (
  | { kind: "curve"; values: ArrayLike<number>; color: number; format?: ((value: number) => string) | undefined; level?: { y: number; label: string } | undefined; height?: number }
  | { kind: "bars"; values: ArrayLike<number>; color: number }
  /** What was chosen of a few, a row each. */
  | { kind: "choice"; values: ArrayLike<number>; names: readonly string[]; color: number }
  /** What happened, a row for each kind. */
  | { kind: "marks"; rows: readonly Row[]; color: number }
);

const HEIGHT = 56;
const ROW = 11;
/** Beyond so many steps a curve is drawn by the least and most of each part. */
const DRAWN = 3_000;

/** Gives the places and values by which a curve is drawn. */
function* points(values: ArrayLike<number>): Generator<[number, number]> {
  const part = Math.ceil(values.length / DRAWN);
  for (let begin = 0; begin < values.length; begin += part) {
    let [low, high] = [begin, begin];
    for (let at = begin; at < Math.min(begin + part, values.length); at++) {
      if ((values[at] ?? 0) < (values[low] ?? 0)) low = at;
      if ((values[at] ?? 0) > (values[high] ?? 0)) high = at;
    }
    for (const at of low === high ? [low] : low < high ? [low, high] : [high, low]) yield [at, values[at] ?? 0];
  }
}

function spanOf(values: ArrayLike<number>, ...more: number[]): [number, number] {
  let [low, high] = [Math.min(...more, Number.POSITIVE_INFINITY), Math.max(...more, Number.NEGATIVE_INFINITY)];
  for (let at = 0; at < values.length; at++) {
    const value = values[at] ?? Number.NaN;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return Number.isFinite(low) ? [low, high] : [0, 0];
}

const heightOf = (lane: Lane): number => (lane.kind === "curve" && lane.height) || HEIGHT;
const colorOf = (color: number) => `var(--series-${(color % 7) + 1})`;

const Plot = memo(function Plot({ lane, steps }: { lane: Lane; steps: number }) {
  const color = colorOf(lane.color);
  if (lane.kind === "choice" || lane.kind === "marks") {
    const rows = lane.kind === "choice" ? lane.names.length : lane.rows.length;
    const cell = (step: number, row: number) => `M${step} ${row * ROW + 2}h1v${ROW - 4}h-1z`;
    const paths =
      lane.kind === "choice"
        ? [{ color: undefined, d: Array.from(lane.values, (value, step) => cell(step, value)).join("") }]
        : lane.rows.map(({ steps, color }, row) => ({ color, d: steps.map((step) => cell(step, row)).join("") }));
    return (
      <svg aria-hidden viewBox={`0 0 ${steps} ${rows * ROW}`} preserveAspectRatio="none" className="block w-full" style={{ height: rows * ROW, color }}>
        <path d={Array.from({ length: rows }, (_, row) => `M0 ${(row + 0.5) * ROW}h${steps}`).join("")} stroke="var(--chart-line)" vectorEffect="non-scaling-stroke" />
        {paths.map(({ color, d }, row) => (
          <path key={row} d={d} fill="currentColor" stroke="currentColor" strokeWidth="1" vectorEffect="non-scaling-stroke" style={color ? { color } : undefined} />
        ))}
      </svg>
    );
  }
  const height = heightOf(lane);
  const [low, high] = lane.kind === "bars" ? spanOf(lane.values, 0) : spanOf(lane.values, ...(lane.level ? [lane.level.y, 0] : []));
  const y = (value: number) => (height - 3 - ((value - low) / (high - low || 1)) * (height - 6)).toFixed(2);
  const drawn = [...points(lane.values)];
  const d =
    lane.kind === "bars"
      ? drawn.filter(([, value]) => value !== 0).map(([at, value]) => `M${at + 0.5} ${y(0)}V${y(value)}`).join("")
      : drawn.map(([at, value], first) => `${first ? "L" : "M"}${at + 0.5} ${y(value)}`).join("");
  return (
    <svg aria-hidden viewBox={`0 0 ${steps} ${height}`} preserveAspectRatio="none" className="block w-full" style={{ height, color }}>
      {low <= 0 && high >= 0 && <path d={`M0 ${y(0)}h${steps}`} stroke="var(--chart-line)" vectorEffect="non-scaling-stroke" />}
      {lane.kind === "curve" && lane.level && <path d={`M0 ${y(lane.level.y)}h${steps}`} stroke="var(--chart-ink)" strokeDasharray="4 4" vectorEffect="non-scaling-stroke" />}
      <path d={d} fill="none" stroke="currentColor" strokeWidth={lane.kind === "bars" ? 2 : 1.5} vectorEffect="non-scaling-stroke" strokeLinejoin="round" />
    </svg>
  );
});

function Label({ lane, shown }: { lane: Lane; shown: number }) {
  if (lane.kind === "choice" || lane.kind === "marks") {
    const names = lane.kind === "choice" ? lane.names : lane.rows.map(({ name }) => name);
    const on = (row: number) => (lane.kind === "choice" ? lane.values[shown] === row : lane.rows[row]?.steps.includes(shown));
    return (
      <ul aria-label={lane.label} className="text-right text-[0.625rem]" style={{ lineHeight: `${ROW}px` }}>
        {names.map((name, row) => (
          <li key={name} className={`truncate ${on(row) ? "font-semibold text-ink" : "text-quiet"}`}>{name}</li>
        ))}
      </ul>
    );
  }
  const [low, high] = spanOf(lane.values);
  const format = (lane.kind === "curve" && lane.format) || figure;
  return (
    <dl className="flex flex-col items-end justify-center text-right text-xs leading-4" style={{ height: heightOf(lane) }}>
      <dt className="max-w-full truncate text-quiet">{lane.label}</dt>
      <dd className="text-sm font-semibold">{format(lane.values[shown] ?? Number.NaN)}</dd>
      <dd className="hidden text-[0.625rem] text-quiet sm:block">
        {lane.kind === "curve" && lane.level ? lane.level.label : `${format(low)} to ${format(high)}`}
      </dd>
    </dl>
  );
}

/** Gives about so many round places on the axis. */
function ticks(steps: number, about: number): number[] {
  const rough = Math.max(1, steps / about);
  const size = 10 ** Math.floor(Math.log10(rough));
  const apart = size * ([1, 2, 5, 10].find((each) => each * size >= rough) ?? 10);
  return Array.from({ length: Math.ceil(steps / apart) }, (_, number) => number * apart);
}

/** Pointing moves the cursor, a click or a key takes it along. */
export function Timeline({ lanes, head, valueText }: { lanes: readonly Lane[]; head: Playhead; valueText: (step: number) => string }) {
  const shown = useShown(head);
  const at = useStore(head.at);
  const plots = useRef<HTMLDivElement>(null);
  const { steps } = head;
  const axis = useMemo(() => ticks(steps, 8), [steps]);
  const stepAt = (event: PointerEvent) => {
    const box = plots.current?.getBoundingClientRect();
    return box ? Math.floor(((event.clientX - box.left) / box.width) * steps) : 0;
  };
  const press = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageUp: 10, PageDown: -10 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    head.by(by);
  };
  const place = (step: number) => `${((step + 0.5) / steps) * 100}%`;
  return (
    <div className="grid grid-cols-[5.5rem_minmax(0,1fr)] gap-x-3 sm:grid-cols-[8.5rem_minmax(0,1fr)]">
      <div className="flex flex-col gap-y-2">
        {lanes.map((lane) => (
          <Label key={lane.label} lane={lane} shown={shown} />
        ))}
      </div>
      <div
        ref={plots}
        role="slider"
        tabIndex={0}
        aria-label="Step"
        aria-valuemin={0}
        aria-valuemax={steps - 1}
        aria-valuenow={at}
        aria-valuetext={valueText(at)}
        className="relative flex cursor-crosshair touch-pan-y flex-col gap-y-2"
        onKeyDown={press}
        onPointerMove={(event) => (event.buttons & 1 ? head.seek(stepAt(event)) : event.pointerType === "mouse" && head.point(stepAt(event)))}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          head.seek(stepAt(event));
        }}
        onPointerLeave={() => head.point(null)}
      >
        {lanes.map((lane) => (
          <Plot key={lane.label} lane={lane} steps={steps} />
        ))}
        <div aria-hidden className="relative h-5 border-t border-line text-[0.625rem] text-quiet">
          {axis.map((step) => (
            <span key={step} className="absolute top-0 border-l border-line pl-1" style={{ left: place(step - 0.5) }}>{step}</span>
          ))}
        </div>
        <span aria-hidden className="pointer-events-none absolute inset-y-0 w-0 border-l-2 border-accent" style={{ left: place(at) }} />
        {shown !== at && <span aria-hidden className="pointer-events-none absolute inset-y-0 w-0 border-l border-dashed border-ink" style={{ left: place(shown) }} />}
      </div>
    </div>
  );
}
