/** One run: all its curves, and by what settings they came to be. */
import { useQuery } from "@tanstack/react-query";
import { createLazyRoute, Link, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { runsQuery } from "../api";
import { Chart } from "../chart";
import { smoothed } from "../curves";
import { ago, figure, short } from "../numbers";
import { curvesQuery, factsOf } from "../run-facts";
import { Badge, EmptyState, Loaded, Panel, Room, Table } from "../ui";

export const Route = createLazyRoute("/runs/$run")({ component: OneRun });

function OneRun() {
  const { run } = useParams({ from: "/runs/$run" });
  const [smooth, setSmooth] = useState(0);
  const curves = useQuery(curvesQuery(run));
  const facts = useQuery({ ...runsQuery, select: (all) => all.filter(({ run_id }) => run_id === run).map(factsOf)[0] }).data;
  return (
    <Room
      title={run}
      about={
        facts && (
          <span className="flex flex-wrap items-center gap-2">
            <Badge>{facts.kind}</Badge>
            {[facts.game, facts.role, facts.seed && `seed ${facts.seed}`, `began ${ago(facts.began)}`].filter(Boolean).join(" · ")}
          </span>
        )
      }
      actions={
        <>
          <label className="flex items-center gap-2 text-xs">
            Smooth
            <input type="range" className="check w-24" min={0} max={0.98} step={0.02} value={smooth} onChange={(event) => setSmooth(Number(event.target.value))} />
          </label>
          <Link to="/runs" search={{ chosen: [run] }} className="button">Compare</Link>
        </>
      }
    >
      <Loaded query={curves} what="curves">
        {(all) =>
          Object.keys(all).length ? (
            <div className="grid gap-4 md:grid-cols-2 xl:grid-cols-3">
              {Object.entries(all).map(([key, told]) => (
                <Panel key={key} title={<span className="text-sm">{key}</span>}>
                  <Chart label={key} cursor={`run ${run}`} height={180} formatX={short} format={figure} curves={[{ label: "mean", ...smoothed({ x: told.step, y: told.mean }, smooth), low: told.min, high: told.max }]} />
                </Panel>
              ))}
            </div>
          ) : (
            <EmptyState title="No numbers here">This run has told no metrics; an evaluation tells its episodes instead.</EmptyState>
          )
        }
      </Loaded>
      {facts && facts.settings.size > 0 && (
        <Panel title="Settings" className="mt-4">
          <Table
            caption="Settings"
            rows={[...facts.settings]}
            keyOf={([name]) => name}
            columns={[
              { head: "Setting", by: ([name]) => name, cell: ([name]) => <code className="font-mono text-xs">{name}</code> },
              { head: "Value", cell: ([, value]) => <span className="wrap-anywhere">{value}</span> },
            ]}
          />
        </Panel>
      )}
    </Room>
  );
}
