/** One run: all its curves, and by what settings they came to be. */
import { useQuery } from "@tanstack/react-query";
import { createLazyRoute, Link, useParams } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { runQuery } from "../api";
import { Chart } from "../chart";
import { smoothed } from "../curves";
import { Icon } from "../icons";
import { ago, count, figure, short } from "../numbers";
import { curvesQuery, KINDS, settingsOf, wordsOf } from "../run-facts";
import { Badge, EmptyState, Loaded, Panel, Room, Table } from "../ui";

export const Route = createLazyRoute("/runs/$run")({ component: OneRun });

function OneRun() {
  const { run } = useParams({ from: "/runs/$run" });
  const [smooth, setSmooth] = useState(0);
  const curves = useQuery(curvesQuery(run));
  const facts = useQuery(runQuery(run)).data;
  const settings = useMemo(() => [...(facts ? settingsOf(facts) : [])], [facts]);
  return (
    <Room
      title={run}
      about={
        facts && (
          <span className="flex flex-wrap items-center gap-2">
            <Badge>{KINDS[facts.kind]}</Badge>
            {[wordsOf(facts), `began ${ago(facts.began)}`].filter(Boolean).join(" · ")}
          </span>
        )
      }
      actions={
        <>
          <label className="flex items-center gap-2 text-xs">
            Smooth
            <input type="range" className="check w-24" min={0} max={0.98} step={0.02} value={smooth} onChange={(event) => setSmooth(Number(event.target.value))} />
          </label>
          {facts && facts.episodes > 0 && <Link to="/episodes" search={{ run }} className="button"><Icon name="episodes" /> {count(facts.episodes)} {facts.episodes === 1 ? "episode" : "episodes"}</Link>}
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
                  <Chart label={key} cursor={`run ${run}`} height={180} formatX={short} over="steps" format={figure} curves={[{ label: "mean", ...smoothed({ x: told.step, y: told.mean }, smooth), low: told.min, high: told.max }]} />
                </Panel>
              ))}
            </div>
          ) : (
            <EmptyState title="No numbers here">This run has told no metrics; an evaluation tells its episodes instead.</EmptyState>
          )
        }
      </Loaded>
      {settings.length > 0 && (
        <Panel title="Settings" className="mt-4">
          <Table
            caption="Settings"
            rows={settings}
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
