/** Swarm: every worker, as it plays. */
import { useQuery } from "@tanstack/react-query";
import { createLazyRoute } from "@tanstack/react-router";
import { workersQuery } from "../api";
import { ago } from "../numbers";
import { Badge, EmptyState, Loaded, Room, Table } from "../ui";

export const Route = createLazyRoute("/")({ component: Swarm });

function Swarm() {
  const workers = useQuery(workersQuery);
  return (
    <Room title="Swarm" about="Every worker, as it plays.">
      <Loaded query={workers} what="workers" empty={<EmptyState title="Nobody plays" />}>
        {(all) => (
          <Table
            caption="Workers"
            rows={all}
            keyOf={(worker) => worker.worker}
            columns={[
              { head: "Worker", by: (worker) => worker.worker, cell: (worker) => worker.worker },
              { head: "Seen", by: (worker) => worker.seen, cell: (worker) => ago(worker.seen) },
              { head: "State", cell: (worker) => <Badge tone={worker.alive ? "good" : "plain"}>{worker.alive ? "alive" : "gone"}</Badge> },
            ]}
          />
        )}
      </Loaded>
    </Room>
  );
}
