/** Swarm: every worker, as it plays. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { createLazyRoute, useNavigate, useSearch } from "@tanstack/react-router";
import { type KeyboardEvent, useEffect, useState } from "react";
import { type Worker, workersQuery } from "../api";
import { Ring, type Row, feed } from "../feed";
import { type LiveWorker, live } from "../live";
import { ago, figure, short } from "../numbers";
import { useStore } from "../store";
import { Featured, markOf, type Regard } from "../swarm-featured";
import { FocusView } from "../swarm-focus";
import { Tile, tileGrid } from "../swarm-tile";
import { Badge, EmptyState, Loaded, Panel, Room, Sparkline } from "../ui";

export const Route = createLazyRoute("/")({ component: Swarm });

const REMEMBERED = 240;

function Swarm() {
  const workers = useQuery(workersQuery);
  const shown = useStore(live.workers);
  const rates = useStore(live.rates);
  const rewards = useWorkers();
  useEffect(() => live.open(), []);
  const navigate = useNavigate();
  const { worker: focused, lane = 0 } = useSearch({ from: "/" });
  const turn = (worker: string | undefined, lane?: number) => void navigate({ to: "/", search: worker === undefined ? {} : { worker, lane }, replace: focused !== undefined });
  const inFocus = shown?.find(({ name }) => name === focused);
  const names = [...new Set([...(shown ?? []).map(({ name }) => name), ...(workers.data ?? []).filter(({ alive }) => alive).map(({ worker }) => worker)])].sort();
  const gone = (workers.data ?? []).filter(({ worker }) => !names.includes(worker));
  const told = (name: string) => workers.data?.find(({ worker }) => worker === name);
  const pictured = (name: string) => shown?.find((each) => each.name === name);
  /** Steps a second as the worker measures them, else as its pictures show. */
  const speed = (name: string) => (told(name)?.status as WorkerStatus | undefined)?.steps_per_s ?? rates.get(pictured(name)?.number ?? -1);
  const steps = names.reduce((sum, name) => sum + (speed(name) ?? 0), 0);
  const lanes = (shown ?? []).reduce((sum, each) => sum + each.lanes, 0);
  return (
    <Room
      title="Swarm"
      about={names.length ? `${names.length} ${names.length === 1 ? "worker" : "workers"}, ${lanes} lanes${steps ? `, ${short(steps)} steps a second` : ""}` : "Every worker, as it plays"}
      actions={<Delay />}
    >
      <Loaded query={workers} what="workers">
        {() =>
          names.length ? (
            <div className="flex flex-col gap-4">
              <Featured regards={(shown ?? []).map((each) => [each, (told(each.name)?.status ?? {}) as WorkerStatus] as const)} open={turn} />
              {names.map((name) => (
                <WorkerPanel key={name} name={name} worker={told(name)} picture={pictured(name)} speed={speed(name)} rewards={rewards.get(name)} open={(lane) => turn(name, lane)} />
              ))}
            </div>
          ) : (
            <EmptyState title="Nobody plays">
              Begin a lab: <code className="font-mono text-ink">ludus up potyard</code>. Its lanes appear here as they are played.
            </EmptyState>
          )
        }
      </Loaded>
      {gone.length > 0 && (
        <details className="mt-6 text-quiet">
          <summary className="w-fit">{gone.length} that went</summary>
          <ul className="mt-2 flex flex-wrap gap-x-6 gap-y-1">
            {gone.map(({ worker, seen }) => (
              <li key={worker}>
                <span className="text-ink">{worker}</span>, {ago(seen)}
              </li>
            ))}
          </ul>
        </details>
      )}
      {inFocus && <FocusView key={inFocus.number} worker={inFocus} lane={Math.min(lane, inFocus.lanes - 1)} turn={(lane) => turn(inFocus.name, lane)} close={() => turn(undefined)} />}
    </Room>
  );
}

/** What a worker may tell of itself, as far as it is shown. */
interface WorkerStatus extends Regard {
  role?: string | null;
  policy?: string;
  policy_version?: number | null;
  steps_per_s?: number;
  mean_return?: number;
  flags?: readonly string[];
  /** Lanes of each kind. */
  black?: readonly number[];
  frozen?: readonly number[];
  stuck?: readonly number[];
}
const FLAGS = ["black", "frozen", "stuck"] as const;

interface PanelProps {
  name: string;
  worker: Worker | undefined;
  picture: LiveWorker | undefined;
  speed: number | undefined;
  rewards: Ring | undefined;
  open: (lane: number) => void;
}

function WorkerPanel({ name, worker, picture, speed, rewards, open }: PanelProps) {
  const { policy, policy_version: version, role, flags, ...lanes } = (worker?.status ?? {}) as WorkerStatus;
  const facts = [
    picture?.game,
    policy && `policy ${policy}${typeof version === "number" ? `, version ${version}` : ""}`,
    speed !== undefined && `${short(speed)} steps/s`,
  ].filter(Boolean);
  const part = picture?.role ?? role;
  const flagOf = (lane: number) => FLAGS.find((flag) => lanes[flag]?.includes(lane));
  return (
    <Panel
      title={
        <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
          {name}
          {part && <Badge tone="accent">{part}</Badge>}
          {flags?.map((flag) => (
            <Badge key={flag} tone="bad" icon="warning">{flag}</Badge>
          ))}
          <span className="text-sm font-normal text-quiet">{facts.join(" · ")}</span>
        </span>
      }
      aside={
        rewards &&
        rewards.size > 1 && (
          <span className="flex items-center gap-2 text-xs text-quiet">
            <Sparkline values={rewards.y.subarray(0, rewards.size)} label="Mean return over time" />
            <span className="font-medium text-ink">{figure(rewards.y[rewards.size - 1])}</span>
          </span>
        )
      }
    >
      {picture ? (
        <div className="grid max-sm:mx-auto" style={tileGrid(picture)} onKeyDown={moveAmongTiles}>
          {Array.from({ length: picture.lanes }, (_, lane) => (
            <Tile key={lane} worker={picture} lane={lane} flag={flagOf(lane)} mark={markOf(lane, lanes)} open={() => open(lane)} />
          ))}
        </div>
      ) : (
        <p className="text-quiet">This worker shows no pictures.</p>
      )}
    </Panel>
  );
}

/** Moves the keyboard to the tile beside, above or below. */
function moveAmongTiles(event: KeyboardEvent<HTMLDivElement>): void {
  const tiles = [...event.currentTarget.children] as HTMLElement[];
  const at = tiles.indexOf(document.activeElement as HTMLElement);
  const columns = tiles.findIndex((tile) => tile.offsetTop !== tiles[0]?.offsetTop);
  const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
  if (at < 0 || by === undefined) return;
  event.preventDefault();
  tiles[at + by]?.focus();
}

/** Tells how long it takes from a step to its picture here. */
function Delay() {
  const [latency, setLatency] = useState<number | null>(null);
  useEffect(() => {
    const timer = setInterval(() => setLatency(live.latency(0.95)), 1_000);
    return () => clearInterval(timer);
  }, []);
  return latency === null ? null : <span data-latency={latency} className="text-xs text-quiet">95 % of pictures within {Math.ceil(latency)} ms</span>;
}

/** Hears what workers tell of themselves: into the cache, and their returns into rings, by name. */
function useWorkers(): ReadonlyMap<string, Ring> {
  const client = useQueryClient();
  const [rewards, setRewards] = useState<ReadonlyMap<string, Ring>>(new Map());
  useEffect(() => {
    const rings = new Map<string, Ring>();
    return feed.hear("workers", {
      maxHz: 2,
      heard(rows) {
        const newest = new Map((rows as (Row & Worker)[]).map((row) => [row.worker, row]));
        client.setQueryData(workersQuery.queryKey, (known) => {
          const others = (known ?? []).filter(({ worker }) => !newest.has(worker));
          return [...others, ...[...newest.values()].map(({ worker, seen, status }) => ({ worker, seen, status, alive: true }))];
        });
        for (const { worker, seen, status } of newest.values()) {
          const told = (status as WorkerStatus).mean_return;
          if (told === undefined) continue;
          const ring = rings.get(worker) ?? new Ring(REMEMBERED);
          rings.set(worker, ring);
          ring.push(seen, told);
        }
        setRewards(new Map(rings));
      },
    });
  }, [client]);
  return rewards;
}
