/** One run: its curves, and by what settings they came to be. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { createLazyRoute, useParams } from "@tanstack/react-router";
import { api, told } from "../api";
import { Chart } from "../chart";
import { EmptyState, Loaded, Panel, Room } from "../ui";

export const Route = createLazyRoute("/runs/$run")({ component: OneRun });

const curvesQuery = (run: string) =>
  queryOptions({ queryKey: ["runs", run, "curves"], queryFn: () => told(api.GET("/runs/{run}/metrics", { params: { path: { run }, query: { points: 500 } } })) });

function OneRun() {
  const { run } = useParams({ from: "/runs/$run" });
  const curves = useQuery(curvesQuery(run));
  return (
    <Room title={run}>
      <Loaded query={curves} what="curves">
        {({ curves }) =>
          Object.keys(curves).length ? (
            <div className="grid gap-4 lg:grid-cols-2">
              {Object.entries(curves).map(([key, curve]) => (
                <Panel key={key} title={key}>
                  <Chart label={key} cursor="run" curves={[{ label: "mean", x: curve.step ?? [], y: curve.mean ?? [], low: curve.min ?? [], high: curve.max ?? [] }]} />
                </Panel>
              ))}
            </div>
          ) : (
            <EmptyState title="No numbers yet" />
          )
        }
      </Loaded>
    </Room>
  );
}
