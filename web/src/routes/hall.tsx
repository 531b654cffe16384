/** The halls of fame and shame: a wall of clips. */
import { useQuery } from "@tanstack/react-query";
import { createLazyRoute, Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import type { Unlock } from "../api";
import { ClipCard, stateOf, type UnlockMore } from "../clip";
import { Icon } from "../icons";
import { hallQuery, useFolders } from "../judged";
import { useKeys } from "../keys";
import { Badge, EmptyState, Loaded, Room } from "../ui";

export const Route = createLazyRoute("/hall/$hall")({ component: Hall });

const HALLS = { fame: "Hall of Fame", shame: "Hall of Shame" } as const;
const SPEEDS = [0.5, 1, 2, 4] as const;

function Hall() {
  const hall = useParams({ from: "/hall/$hall" }).hall === "shame" ? "shame" : "fame";
  const navigate = useNavigate();
  const query = useQuery(hallQuery);
  useKeys([{ keys: "x", does: "To the other hall", run: () => void navigate({ to: "/hall/$hall", params: { hall: hall === "fame" ? "shame" : "fame" } }) }]);
  return (
    <Room
      title={HALLS[hall]}
      about={hall === "fame" ? "What nobody thought an agent would do" : "What an agent would rather not be remembered for"}
      actions={
        <nav aria-label="Halls" className="flex gap-2">
          {(["fame", "shame"] as const).map((each) => (
            <Link key={each} to="/hall/$hall" params={{ hall: each }} className="button aria-[current=page]:border-accent">
              <span className={each === "fame" ? "text-fame" : "text-shame"}>
                <Icon name={each} />
              </span>
              {each === "fame" ? "Fame" : "Shame"} {query.data && <span className="text-quiet">{query.data[each].length}</span>}
            </Link>
          ))}
        </nav>
      }
    >
      <Loaded query={query} what="clips">
        {(halls) =>
          halls[hall].length ? (
            <Wall hall={hall} unlocks={halls[hall] as UnlockMore[]} />
          ) : (
            <EmptyState title={hall === "fame" ? "Nothing to be proud of yet" : "Nothing to be ashamed of yet"}>
              Feats unlock as workers play: <code className="font-mono text-ink">ludus serve --feats</code> says which, and <Link to="/feats" className="text-accent underline">Feats</Link> shows how near they are.
            </EmptyState>
          )
        }
      </Loaded>
    </Room>
  );
}

function Wall({ hall, unlocks }: { hall: "fame" | "shame"; unlocks: readonly UnlockMore[] }) {
  const navigate = useNavigate({ from: "/hall/$hall" });
  const { feat, state = "any", every } = useSearch({ from: "/hall/$hall" });
  const folders = useFolders();
  const [speed, setSpeed] = useState(1);
  const set = (next: object) => void navigate({ search: (before) => ({ ...before, ...next }), replace: true });
  const feats = new Map(unlocks.map(({ feat_id, name }) => [feat_id, name]));
  const states = [...new Set(unlocks.map(stateOf))].sort();
  const found = unlocks.filter((unlock) => (!feat || unlock.feat_id === feat) && (state === "any" || stateOf(unlock) === state));
  const all = Boolean(feat || every);
  const shown = all ? found : oneOfEach(found);
  return (
    <>
      <form aria-label="What the wall shows" className="mb-4 grid grid-cols-2 gap-2 sm:flex sm:flex-wrap sm:items-center" onSubmit={(event) => event.preventDefault()}>
        <select aria-label="Feat" className="field min-w-0" value={feat ?? (every ? "every" : "")} onChange={({ target: { value } }) => set({ feat: value === "every" || !value ? undefined : value, every: value === "every" || undefined })}>
          <option value="">One of each feat</option>
          <option value="every">Every unlock</option>
          {[...feats].map(([id, name]) => (
            <option key={id} value={id}>{name}</option>
          ))}
        </select>
        <select aria-label="State of clips" className="field min-w-0" value={state} onChange={({ target: { value } }) => set({ state: value === "any" ? undefined : value })}>
          <option value="any">Clips in every state</option>
          {states.map((each) => (
            <option key={each} value={each}>{each === "none" ? "without clip" : each}, {unlocks.filter((unlock) => stateOf(unlock) === each).length}</option>
          ))}
        </select>
        <label className="flex items-center gap-2 text-quiet">
          Speed
          <select className="field" value={speed} onChange={(event) => setSpeed(Number(event.target.value))}>
            {SPEEDS.map((each) => (
              <option key={each} value={each}>{each} ×</option>
            ))}
          </select>
        </label>
        <output className="text-right text-quiet sm:ml-auto">
          {shown.length} of {unlocks.length}
        </output>
      </form>
      {shown.length ? (
        <ol className="sheet gap-y-6">
          {shown.map((unlock) => {
            const times = found.filter(({ feat_id }) => feat_id === unlock.feat_id).length;
            return (
              <ClipCard
                key={unlock.id}
                unlock={unlock}
                speed={speed}
                linked={folders.has(unlock.run_id) && unlock.episode_id !== ""}
                of={
                  !all &&
                  times > 1 && (
                    <Link to="/hall/$hall" params={{ hall }} search={{ feat: unlock.feat_id }} className="no-underline hover:underline" aria-label={`All ${times} of ${unlock.name}`}>
                      <Badge tone="accent">all {times}</Badge>
                    </Link>
                  )
                }
              />
            );
          })}
        </ol>
      ) : (
        <EmptyState title="No clip like that" />
      )}
    </>
  );
}

/** Gives the newest of each feat that can be played, then the newest of those where none can. */
function oneOfEach<T extends Unlock>(unlocks: readonly T[]): T[] {
  const best = new Map<string, T>();
  for (const unlock of unlocks) {
    const known = best.get(unlock.feat_id);
    if (!known || (stateOf(known) !== "ready" && stateOf(unlock) === "ready")) best.set(unlock.feat_id, unlock);
  }
  const lacks = (unlock: T) => Number(stateOf(unlock) !== "ready");
  return [...best.values()].sort((a, b) => lacks(a) - lacks(b));
}
