/** Goals: screens to get to. */
import { useQuery } from "@tanstack/react-query";
import { createLazyRoute, Link } from "@tanstack/react-router";
import { episodesQuery } from "../episode";
import { type Goal, goalsQuery, receiptsQuery, templateOf } from "../judged";
import { count, figure } from "../numbers";
import { Badge, EmptyState, Loaded, Room } from "../ui";

export const Route = createLazyRoute("/goals")({ component: Goals });

function Goals() {
  const goals = useQuery(goalsQuery);
  return (
    <Room title="Goals" about="Screens to get to, found by their pixels alone">
      <Loaded
        query={goals}
        what="goals"
        empty={
          <EmptyState title="No goal">
            Take a screen as one, <code className="font-mono text-ink">ludus goal capture</code>, and begin the orchestrator with <code className="font-mono text-ink">ludus serve --goals goals</code>.
          </EmptyState>
        }
      >
        {(all) => (
          <ul className="grid gap-4 sm:grid-cols-2 xl:grid-cols-3">
            {all.map((goal) => (
              <Card key={goal.id} goal={goal} />
            ))}
          </ul>
        )}
      </Loaded>
    </Room>
  );
}

function Card({ goal }: { goal: Goal }) {
  const receipts = useQuery(receiptsQuery(goal.id)).data;
  const reached = useQuery(episodesQuery({ verdict: goal.id, limit: 1 })).data?.total;
  const { meta } = goal;
  return (
    <li className="rounded-md border border-line bg-panel p-4">
      <Link to="/goals/$goal" params={{ goal: goal.id }} className="group flex gap-4 no-underline">
        <span className="screen block w-43 shrink-0 self-start group-hover:outline-2 group-hover:outline-accent">
          {meta ? <img src={templateOf(goal.id)} alt="" width={160} height={144} className="pixels block" /> : <span className="block h-36 w-40" />}
        </span>
        <span className="min-w-0 grow">
          <span className="block font-pixel text-lg"><span className="sr-only">Goal </span>{goal.id}</span>
          {meta ? (
            <span className="mt-2 grid grid-cols-[auto_1fr] gap-x-3 gap-y-0.5">
              <span className="text-quiet">τ</span> <span>{figure(Number(meta.tau))}</span>
              <span className="text-quiet">in a row</span> <span>{String(meta.k_consecutive)}</span>
              <span className="text-quiet">templates</span> <span>{String(meta.templates ?? 1)}</span>
              {reached !== undefined && (
                <>
                  <span className="text-quiet">reached</span> <span>{reached ? `in ${count(reached)} ${reached === 1 ? "episode" : "episodes"}` : "never yet"}</span>
                </>
              )}
            </span>
          ) : (
            <span className="mt-2 block text-bad">{goal.error}</span>
          )}
        </span>
      </Link>
      {receipts && (
        <p className="mt-3">
          {receipts.length ? <Badge tone="bad" icon="warning">{receipts.length} {receipts.length === 1 ? "trace" : "traces"} not let through</Badge> : <Badge>its gate has refused no trace</Badge>}
        </p>
      )}
    </li>
  );
}
