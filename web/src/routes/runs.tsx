/** Runs: what was trained and evaluated, and how it went. */
import { useQuery } from "@tanstack/react-query";
import { createLazyRoute, Link } from "@tanstack/react-router";
import { runsQuery } from "../api";
import { ago } from "../numbers";
import { EmptyState, Loaded, Room, Table } from "../ui";

export const Route = createLazyRoute("/runs")({ component: Runs });

function Runs() {
  const runs = useQuery(runsQuery);
  return (
    <Room title="Runs" about="What was trained and evaluated.">
      <Loaded query={runs} what="runs" empty={<EmptyState title="No run yet" />}>
        {(all) => (
          <Table
            caption="Runs"
            rows={all}
            keyOf={(run) => run.run_id}
            columns={[
              { head: "Run", by: (run) => run.run_id, cell: (run) => <Link to="/runs/$run" params={{ run: run.run_id }}>{run.run_id}</Link> },
              { head: "Began", by: (run) => run.began, cell: (run) => ago(run.began) },
            ]}
          />
        )}
      </Loaded>
    </Room>
  );
}
