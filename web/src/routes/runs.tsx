/** Runs: what was trained and evaluated, how it went, and what made the difference. */
import { type UseQueryResult, useQueries, useQuery } from "@tanstack/react-query";
import { createLazyRoute, Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useRef } from "react";
import { type Run, type RunDetail, runQuery, runsQuery } from "../api";
import { policyName } from "../episode";
import { useKeys } from "../keys";
import { ago } from "../numbers";
import { RunCurves } from "../run-curves";
import { differences, groupOf, KINDS, settingsOf, wordsOf } from "../run-facts";
import { Badge, type Column, EmptyState, Loaded, LoadingState, Panel, Room, Table } from "../ui";

export const Route = createLazyRoute("/runs")({ component: Runs });

const MOST_CHOSEN = 14;

function Runs() {
  const runs = useQuery(runsQuery);
  return (
    <Room title="Runs" about="What was trained and evaluated, and what made the difference">
      <Loaded
        query={runs}
        what="runs"
        empty={
          <EmptyState title="No run yet">
            Train one: <code className="font-mono text-ink">ludus train potyard --minutes 3</code>
          </EmptyState>
        }
      >
        {(all) => <Overview runs={all} />}
      </Loaded>
    </Room>
  );
}

function Overview({ runs }: { runs: readonly Run[] }) {
  const navigate = useNavigate({ from: "/runs" });
  const { chosen: asked, filter = "", ...view } = useSearch({ from: "/runs" });
  const field = useRef<HTMLInputElement>(null);
  useKeys([{ keys: "/", does: "Filter runs", run: () => field.current?.focus() }]);
  const usual = useMemo(() => sameRecipeAsNewest(runs), [runs]);
  const ids = asked ?? usual;
  const chosen = useMemo(() => runs.filter(({ run_id }) => ids.includes(run_id)), [runs, ids]);
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const found = runs.filter((run) => words.every((word) => `${run.run_id} ${KINDS[run.kind]} ${wordsOf(run)}`.toLowerCase().includes(word)));
  const choose = (id: string, on: boolean) =>
    void navigate({ search: (before) => ({ ...before, chosen: on ? [...ids, id].slice(-MOST_CHOSEN) : ids.filter((each) => each !== id) }), replace: true });
  const columns: Column<Run>[] = [
    { head: "Draw", cell: ({ run_id: id }) => <input type="checkbox" className="check align-middle" aria-label={`Draw ${id}`} checked={ids.includes(id)} onChange={(event) => choose(id, event.target.checked)} /> },
    { head: "Run", by: ({ run_id }) => run_id, cell: (run) => <Name run={run} /> },
    { head: "Kind", by: ({ kind }) => KINDS[kind], cell: ({ kind }) => <Badge>{KINDS[kind]}</Badge>, minor: true },
    { head: "Game", by: ({ game }) => game ?? "", cell: ({ game }) => game, minor: true },
    ...(["role", "policy"] as const)
      .filter((name) => runs.some((run) => run[name]))
      .map((name): Column<Run> => ({ head: name === "role" ? "Role" : "Policy", by: (run) => run[name] ?? "", cell: (run) => run[name] && policyName(run[name]), minor: true })),
    { head: "Seed", by: ({ seed }) => seed ?? -1, cell: ({ seed }) => seed, numeric: true, minor: true },
    { head: "Began", by: ({ began }) => began, cell: ({ began }) => ago(began), numeric: true },
  ];
  return (
    <div className="flex flex-col gap-4">
      {chosen.length > 0 && <RunCurves runs={chosen} view={view} change={(next) => void navigate({ search: (before) => ({ ...before, ...next }), replace: true })} />}
      {new Set(chosen.map(groupOf)).size > 1 && <Differences runs={chosen} />}
      <Panel
        title={`${runs.length} ${runs.length === 1 ? "run" : "runs"}`}
        aside={
          <input
            ref={field}
            type="search"
            className="field w-56"
            placeholder="Filter: a name, game, seed 1"
            aria-label="Filter runs"
            value={filter}
            onChange={(event) => void navigate({ search: (before) => ({ ...before, filter: event.target.value || undefined }), replace: true })}
          />
        }
      >
        {found.length ? (
          <Table caption="Runs" columns={columns} rows={found} keyOf={({ run_id }) => run_id} open={({ run_id }) => void navigate({ to: "/runs/$run", params: { run: run_id } })} />
        ) : (
          <EmptyState title="No run is called that" />
        )}
      </Panel>
    </div>
  );
}

/** A run's name, and below it, where there is no room for columns, what it was. */
function Name({ run }: { run: Run }) {
  return (
    <span className="block min-w-32">
      <Link to="/runs/$run" params={{ run: run.run_id }} className="font-medium wrap-anywhere hover:underline">{run.run_id}</Link>
      <span className="block text-xs text-quiet sm:hidden">{[KINDS[run.kind], wordsOf(run)].filter(Boolean).join(" · ")}</span>
    </span>
  );
}

const allSettings = (asked: UseQueryResult<RunDetail, Error>[]) => asked.flatMap(({ data }) => (data ? [{ id: data.run_id, settings: settingsOf(data) }] : []));

function Differences({ runs }: { runs: readonly Run[] }) {
  const known = useQueries({ queries: runs.map(({ run_id }) => runQuery(run_id)), combine: allSettings });
  if (known.length < runs.length) return <Panel title="What differs"><LoadingState what="settings" /></Panel>;
  return (
    <Panel title="What differs">
      <Table
        caption="Settings that differ"
        rows={differences(known.map(({ settings }) => settings))}
        keyOf={(name) => name}
        columns={[
          { head: "Setting", by: (name) => name, cell: (name) => <code className="font-mono text-xs">{name}</code> },
          ...known.map(({ id, settings }) => ({ head: id, cell: (name: string) => settings.get(name) ?? "–" })),
        ]}
      />
    </Panel>
  );
}

/** Gives the runs that differ from the newest training run in no more than their seed. */
function sameRecipeAsNewest(runs: readonly Run[]): string[] {
  const newest = runs.find(({ kind }) => kind !== "eval");
  return newest ? runs.filter((run) => groupOf(run) === groupOf(newest)).map(({ run_id }) => run_id).slice(0, MOST_CHOSEN) : [];
}
