/** Runs: what was trained and evaluated, how it went, and what made the difference. */
import { useQuery } from "@tanstack/react-query";
import { createLazyRoute, Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useRef } from "react";
import { type Run, runsQuery } from "../api";
import { useKeys } from "../keys";
import { ago } from "../numbers";
import { RunCurves } from "../run-curves";
import { type RunFacts, differences, factsOf } from "../run-facts";
import { Badge, type Column, EmptyState, Loaded, Panel, Room, Table } from "../ui";

export const Route = createLazyRoute("/runs")({ component: Runs });

const MOST_CHOSEN = 14;
const allFacts = (runs: Run[]) => runs.map(factsOf);

function Runs() {
  const runs = useQuery({ ...runsQuery, select: allFacts });
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

function Overview({ runs }: { runs: readonly RunFacts[] }) {
  const navigate = useNavigate({ from: "/runs" });
  const { chosen: asked, filter = "", ...view } = useSearch({ from: "/runs" });
  const field = useRef<HTMLInputElement>(null);
  useKeys([{ keys: "/", does: "Filter runs", run: () => field.current?.focus() }]);
  const usual = useMemo(() => sameRecipeAsNewest(runs), [runs]);
  const ids = asked ?? usual;
  const chosen = useMemo(() => runs.filter(({ id }) => ids.includes(id)), [runs, ids]);
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const found = runs.filter((run) => words.every((word) => `${run.id} ${run.kind} ${run.game} ${run.role} seed ${run.seed}`.toLowerCase().includes(word)));
  const choose = (id: string, on: boolean) =>
    void navigate({ search: (before) => ({ ...before, chosen: on ? [...ids, id].slice(-MOST_CHOSEN) : ids.filter((each) => each !== id) }), replace: true });
  const columns: Column<RunFacts>[] = [
    { head: "Draw", cell: ({ id }) => <input type="checkbox" className="check align-middle" aria-label={`Draw ${id}`} checked={ids.includes(id)} onChange={(event) => choose(id, event.target.checked)} /> },
    { head: "Run", by: ({ id }) => id, cell: ({ id }) => <Link to="/runs/$run" params={{ run: id }} className="font-medium hover:underline">{id}</Link> },
    { head: "Kind", by: ({ kind }) => kind, cell: ({ kind }) => <Badge>{kind}</Badge> },
    { head: "Game", by: ({ game }) => game, cell: ({ game }) => game },
    ...(runs.some(({ role }) => role) ? [{ head: "Role", by: ({ role }: RunFacts) => role, cell: ({ role }: RunFacts) => role }] : []),
    { head: "Seed", by: ({ seed }) => Number(seed), cell: ({ seed }) => seed, numeric: true },
    { head: "Began", by: ({ began }) => began, cell: ({ began }) => ago(began), numeric: true },
  ];
  return (
    <div className="flex flex-col gap-4">
      {chosen.length > 0 && <RunCurves runs={chosen} view={view} change={(next) => void navigate({ search: (before) => ({ ...before, ...next }), replace: true })} />}
      {new Set(chosen.map(({ group }) => group)).size > 1 && <Differences runs={chosen} />}
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
          <Table caption="Runs" columns={columns} rows={found} keyOf={({ id }) => id} open={({ id }) => void navigate({ to: "/runs/$run", params: { run: id } })} />
        ) : (
          <EmptyState title="No run is called that" />
        )}
      </Panel>
    </div>
  );
}

function Differences({ runs }: { runs: readonly RunFacts[] }) {
  return (
    <Panel title="What differs">
      <Table
        caption="Settings that differ"
        rows={differences(runs)}
        keyOf={(name) => name}
        columns={[
          { head: "Setting", by: (name) => name, cell: (name) => <code className="font-mono text-xs">{name}</code> },
          ...runs.map(({ id, settings }) => ({ head: id, cell: (name: string) => settings.get(name) ?? "–" })),
        ]}
      />
    </Panel>
  );
}

/** Gives the runs that differ from the newest training run in no more than their seed. */
function sameRecipeAsNewest(runs: readonly RunFacts[]): string[] {
  const newest = runs.find(({ kind }) => kind !== "Evaluation");
  return runs.filter(({ group }) => group === newest?.group).map(({ id }) => id).slice(0, MOST_CHOSEN);
}
