/** The lanes with most to see: those of most hype, and the one of most shame, until they are locked. */
import { useEffect, useState } from "react";
import { Icon } from "./icons";
import type { LiveWorker } from "./live";
import { type Mark, Tile, tileGrid } from "./swarm-tile";
import { Panel } from "./ui";

/** How much there is to see in a lane, as its worker tells: `[lane, score]`, highest first. */
export interface Regard {
  hype?: readonly (readonly [number, number])[];
  shame?: readonly (readonly [number, number])[];
}

/** Below it nothing has happened of late. */
const LEAST_SCORE = 1;
const MOST_HYPE = 3;
/** Who watches has so long to see a lane before another takes its place. */
const HELD_MS = 10_000;
/** Of fewer lanes all are seen anyway. */
const MANY_LANES = 6;

/** Gives what is said of a lane: the greater of its scores, null where nothing is to be said. */
export function markOf(lane: number, { hype = [], shame = [] }: Regard): Mark | null {
  const of = (scores: Regard["hype"]) => scores?.find(([each]) => each === lane)?.[1] ?? 0;
  const [fame, blame] = [of(hype), of(shame)];
  if (Math.max(fame, blame) < LEAST_SCORE) return null;
  return blame > fame ? { hall: "shame", score: blame } : { hall: "fame", score: fame };
}

interface Place {
  worker: LiveWorker;
  lane: number;
  mark: Mark;
}

/** Gives the lanes to show of all workers: most hype first, then most shame. */
function best(regards: readonly (readonly [LiveWorker, Regard])[]): Place[] {
  const places = regards.flatMap(([worker, regard]) =>
    [...new Set([...(regard.hype ?? []), ...(regard.shame ?? [])].map(([lane]) => lane))].flatMap((lane) => {
      const mark = lane < worker.lanes ? markOf(lane, regard) : null;
      return mark ? [{ worker, lane, mark }] : [];
    }),
  );
  const of = (hall: Mark["hall"], most: number) => places.filter(({ mark }) => mark.hall === hall).sort((a, b) => b.mark.score - a.mark.score).slice(0, most);
  return [...of("fame", MOST_HYPE), ...of("shame", 1)];
}

export function Featured({ regards, open }: { regards: readonly (readonly [LiveWorker, Regard])[]; open: (worker: string, lane: number) => void }) {
  const [locked, setLocked] = useState(false);
  const [held, setHeld] = useState<{ places: readonly Place[]; since: number }>({ places: [], since: 0 });
  const now = best(regards);
  const here = held.places.filter(({ worker }) => regards.some(([each]) => each.number === worker.number));
  const due = here.length < held.places.length || !held.places.length || (!locked && Date.now() - held.since > HELD_MS);
  const differs = now.map(({ worker, lane }) => `${worker.number}:${lane}`).join() !== held.places.map(({ worker, lane }) => `${worker.number}:${lane}`).join();
  useEffect(() => {
    if (due && differs) setHeld({ places: now, since: Date.now() });
  });
  if (!here.length || regards.reduce((sum, [{ lanes }]) => sum + lanes, 0) < MANY_LANES) return null;
  const marks = new Map(regards.map(([worker, regard]) => [worker.number, regard]));
  const widest = here.reduce((most, { worker }) => (worker.width > most.width ? worker : most), (here[0] as Place).worker);
  return (
    <Panel
      title="Featured"
      aside={
        <button type="button" className="button text-xs" aria-pressed={locked} onClick={() => setLocked(!locked)}>
          <Icon name="lock" size={8} /> {locked ? "Locked" : "Lock"}
        </button>
      }
    >
      <div className="grid max-sm:mx-auto" style={tileGrid({ ...widest, lanes: here.length })}>
        {here.map(({ worker, lane, mark }) => (
          <Tile key={`${worker.number}:${lane}`} worker={worker} lane={lane} few named mark={markOf(lane, marks.get(worker.number) ?? {}) ?? mark} open={() => open(worker.name, lane)} />
        ))}
      </div>
    </Panel>
  );
}
