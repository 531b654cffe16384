/** One metric of several runs: each by itself, or runs of one recipe joined over their seeds. */
import { useQueries, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import type { Run } from "./api";
import { Chart, type Curve } from "./chart";
import { type Line, joined, overSteps, overTime, smoothed } from "./curves";
import { Ring, feed } from "./feed";
import { figure, lasting, short } from "./numbers";
import { curvesQuery, groupOf } from "./run-facts";
import { EmptyState, LoadingState, Panel } from "./ui";

/** How curves are looked at; it is part of the address. */
export interface View {
  metric?: string | undefined;
  x?: "step" | "time" | undefined;
  smooth?: number | undefined;
  log?: boolean | undefined;
  apart?: boolean | undefined;
}

const RETURN = "charts/episodic_return";
const REMEMBERED = 2_048;

export function RunCurves({ runs, view, change }: { runs: readonly Run[]; view: View; change: (view: View) => void }) {
  const asked = useQueries({ queries: runs.map(({ run_id }) => curvesQuery(run_id)) });
  const metrics = [...new Set(asked.flatMap(({ data }) => Object.keys(data ?? {})))].sort();
  const metric = view.metric && metrics.includes(view.metric) ? view.metric : metrics.includes(RETURN) ? RETURN : (metrics[0] ?? "");
  const tails = useTails(runs.map(({ run_id }) => run_id), metric);
  const told = asked.map(({ data }) => data);
  const curves = useMemo(
    () => curvesOf(runs, told.map((all, at) => all?.[metric] && lineOf(all, metric, view.x, tails.get(runs[at]?.run_id ?? ""))), view),
    [runs, view, metric, tails, ...told],
  );
  if (asked.some(({ isPending }) => isPending)) return <Panel title="Curves"><LoadingState what="curves" /></Panel>;
  if (!metrics.length) return <Panel title="Curves"><EmptyState title="No numbers yet">What is chosen has told no metrics.</EmptyState></Panel>;
  return (
    <Panel
      title={
        <label className="flex items-center gap-2">
          <span className="sr-only">Metric</span>
          <select className="field max-w-full font-semibold" value={metric} onChange={(event) => change({ ...view, metric: event.target.value })}>
            {metrics.map((each) => <option key={each}>{each}</option>)}
          </select>
        </label>
      }
      aside={<Controls view={view} change={change} />}
    >
      {curves.length ? (
        <Chart key={`${metric} ${view.x}`} label={`${metric} by ${view.x ?? "step"}`} curves={curves} height={320} logY={view.log ?? false} format={figure} formatX={view.x === "time" ? lasting : short} over={view.x === "time" ? "time" : "steps"} />
      ) : (
        <EmptyState title="Nothing to draw">None of these runs has told {metric}{view.x === "time" ? " with a time" : ""}.</EmptyState>
      )}
    </Panel>
  );
}

function Controls({ view, change }: { view: View; change: (view: View) => void }) {
  const checks = [
    ["Time", view.x === "time", { ...view, x: view.x === "time" ? undefined : "time" }],
    ["Log", !!view.log, { ...view, log: view.log ? undefined : true }],
    ["Seeds apart", !!view.apart, { ...view, apart: view.apart ? undefined : true }],
  ] as const;
  return (
    <div className="flex flex-wrap items-center gap-x-4 gap-y-2 text-xs">
      <label className="flex items-center gap-2">
        Smooth
        <input type="range" className="check w-24" min={0} max={0.98} step={0.02} value={view.smooth ?? 0} onChange={(event) => change({ ...view, smooth: Number(event.target.value) || undefined })} />
      </label>
      {checks.map(([name, on, next]) => (
        <label key={name} className="flex items-center gap-1.5">
          <input type="checkbox" className="check" checked={on} onChange={() => change(next)} /> {name}
        </label>
      ))}
    </div>
  );
}

function lineOf(all: Parameters<typeof overTime>[1], metric: string, x: View["x"], tail: Ring | undefined): Line | undefined {
  const curve = all[metric];
  if (!curve) return undefined;
  return x === "time" ? (overTime(curve, all) ?? undefined) : overSteps(curve, tail);
}

function curvesOf(runs: readonly Run[], lines: readonly (Line | undefined)[], { smooth = 0, apart }: View): Curve[] {
  const groups = new Map<string, { name: string; lines: Line[] }>();
  lines.forEach((line, at) => {
    const run = runs[at];
    if (!run || !line?.x.length) return;
    const key = apart ? run.run_id : groupOf(run);
    const group = groups.get(key) ?? { name: run.run_id, lines: [] };
    group.lines.push(smoothed(line, smooth));
    groups.set(key, group);
  });
  return [...groups.values()].map(({ name, lines }, color) => ({
    label: lines.length > 1 ? `${name.replace(/-?\d+$/, "")}, mean of ${lines.length} seeds and its 95 % interval` : name,
    color,
    ...joined(lines),
  }));
}

/** Gives what runs tell of a metric from now on. */
function useTails(runs: readonly string[], metric: string): ReadonlyMap<string, Ring> {
  const client = useQueryClient();
  const [tails, setTails] = useState<ReadonlyMap<string, Ring>>(new Map());
  const names = runs.join("\n");
  useEffect(() => {
    const rings = new Map(names.split("\n").map((run) => [run, new Ring(REMEMBERED)]));
    setTails(rings);
    return feed.hear("metrics", {
      runs: names.split("\n"),
      keys: [metric],
      maxHz: 4,
      heard(rows) {
        for (const row of rows as unknown as { run_id: string; step: number; values: Record<string, number | null> }[]) {
          const value = row.values[metric];
          if (typeof value === "number") rings.get(row.run_id)?.push(row.step, value);
        }
        setTails(new Map(rings));
      },
      missed: () => void client.invalidateQueries({ queryKey: ["runs"] }),
    });
  }, [names, metric, client]);
  return tails;
}
