/** One goal: its template beside a frame of an episode, what differs, and how near each step came. */
import { useQuery } from "@tanstack/react-query";
import { createLazyRoute, Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { runQuery } from "../api";
import { type DistanceCurve, distanceQuery, episodesQuery, policyName } from "../episode";
import { Transport, useWithoutFilm, wholePixels } from "../film";
import { HeatMap, Template, useFrame } from "../goal-pictures";
import { Icon } from "../icons";
import { type Goal, goalsQuery, receiptsQuery, useWorld } from "../judged";
import { useLinkedStep } from "../linked-step";
import { follow, HEIGHT, WIDTH } from "../match";
import { ago } from "../numbers";
import { Playhead, useShown } from "../playhead";
import { type Lane, Timeline } from "../timeline";
import { Badge, EmptyState, Loaded, LoadingState, Panel, Room, Sparkline } from "../ui";

export const Route = createLazyRoute("/goals/$goal")({ component: OneGoal });

/** So many episodes are offered to compare with, of those that reached it and of others. */
const OFFERED = 50;
const near = (value: number) => value.toFixed(4);

function OneGoal() {
  const { goal: id } = useParams({ from: "/goals/$goal" });
  const goals = useQuery(goalsQuery);
  return (
    <Room title={`Goal ${id}`} about="How near episodes come to a screen" actions={<Link to="/goals" className="button">All goals</Link>}>
      <Loaded query={goals} what="the goal" empty={<EmptyState title="No goal" />}>
        {(all) => {
          const goal = all.find((each) => each.id === id);
          if (!goal) return <EmptyState title="There is no goal of that name" />;
          if (!goal.meta) return <EmptyState title="This goal cannot be read">{goal.error}</EmptyState>;
          return <Compared key={id} goal={goal} />;
        }}
      </Loaded>
    </Room>
  );
}

function Compared({ goal }: { goal: Goal }) {
  const navigate = useNavigate({ from: "/goals/$goal" });
  const { episode: asked } = useSearch({ from: "/goals/$goal" });
  const newest = useQuery(episodesQuery({ limit: OFFERED }));
  const reaching = useQuery(episodesQuery({ verdict: goal.id, limit: OFFERED })).data?.lines;
  return (
    <Loaded query={newest} what="episodes">
      {({ lines }) => {
        if (!lines.length) return <Alone goal={goal}>No episode to compare it with yet.</Alone>;
        if (!reaching) return <LoadingState what="episodes that reached it" />;
        const reached = new Set(reaching.map(({ id }) => id));
        const shown = [...reaching, ...lines.filter(({ id }) => !reached.has(id))];
        const chosen = asked ?? shown[0]?.id ?? "";
        const known = shown.some(({ id }) => id === chosen);
        return (
          <>
            <label className="mb-4 flex flex-wrap items-center gap-2">
              <span className="text-quiet">Compared with</span>
              <select className="field max-w-full" value={chosen} onChange={({ target: { value } }) => void navigate({ search: { episode: value }, replace: true })}>
                {!known && <option value={chosen}>{chosen}</option>}
                {shown.map((line) => (
                  <option key={line.id} value={line.id}>
                    {reached.has(line.id) ? "reached: " : ""}{line.run}, episode {line.episode_idx}, {policyName(line.policy)}
                  </option>
                ))}
              </select>
              <Link to="/episodes/$id" params={{ id: chosen }} className="button"><Icon name="episodes" /> Its episode</Link>
            </label>
            <Distances key={chosen} goal={goal} episode={chosen} />
          </>
        );
      }}
    </Loaded>
  );
}

function Alone({ goal, children }: { goal: Goal; children: React.ReactNode }) {
  return (
    <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-[22rem_minmax(0,1fr)]">
      <Panel title="Template"><Template goal={goal} number={0} /></Panel>
      <div className="flex flex-col gap-4">
        <p role="note" className="rounded-md border border-line bg-panel p-4 text-quiet">{children}</p>
        <Receipts goal={goal} />
        <Facts goal={goal} />
      </div>
    </div>
  );
}

function Distances({ goal, episode }: { goal: Goal; episode: string }) {
  const run = episode.slice(0, episode.indexOf(":"));
  const asked = useQuery(runQuery(run));
  const { rom, stepSeconds } = useWorld(run);
  const fits = rom !== null && rom === goal.meta?.rom_sha256;
  const curve = useQuery({ ...distanceQuery(episode, goal.id), enabled: fits });
  if (asked.data && !fits) return <Alone goal={goal}>{episode} is of another game than this goal, so there is nothing to compare.</Alone>;
  return (
    <Loaded query={curve} what="distances; the episode is played again for that">
      {(told) => (told.distance.length ? <Frames goal={goal} curve={told} stepSeconds={stepSeconds ?? 1} /> : <Alone goal={goal}>{episode} has no step.</Alone>)}
    </Loaded>
  );
}

function Frames({ goal, curve, stepSeconds }: { goal: Goal; curve: DistanceCurve; stepSeconds: number }) {
  const [head] = useState(() => new Playhead(curve.distance.length, curve.reached ?? curve.nearest ?? 0));
  const [tau, setTau] = useState(curve.tau);
  const [k, setK] = useState(curve.k_consecutive);
  useWithoutFilm(head, 1 / stepSeconds, false);
  useLinkedStep(head);
  const shown = useShown(head);
  const frame = useFrame(curve.id, goal, shown);
  const { consec, reached } = useMemo(() => follow(curve.distance, tau, k), [curve, tau, k]);
  const lanes = useMemo(
    (): Lane[] => [
      { kind: "curve", label: "Distance", values: curve.distance, color: 1, level: { y: tau, label: `τ ${near(tau)}` }, format: near, height: 160 },
      { kind: "bars", label: "In a row", values: consec, color: 2 },
    ],
    [curve, consec, tau],
  );
  const distance = curve.distance[shown] ?? Number.NaN;
  const row = consec[shown] ?? 0;
  return (
    <div className="flex flex-col gap-4">
      <div className="grid grid-cols-2 gap-4 sm:grid-cols-3">
        <Panel title={`Template${frame?.templates && frame.templates > 1 ? ` ${frame.number + 1} of ${frame.templates}` : ""}`} aside={frame && frame.templates > 1 && <span className="text-xs text-quiet">the nearest</span>}>
          <Template goal={goal} number={frame?.number ?? 0} />
        </Panel>
        <Panel className="order-first col-span-2 sm:order-none sm:col-span-1" title={`Step ${shown}`} aside={<Counter row={row} k={k} />}>
          <div className="screen">
            <img src={`/episodes/${encodeURIComponent(curve.id)}/frames/${shown}`} data-step={shown} alt={`Step ${shown} of ${curve.id}`} className="pixels block" style={wholePixels(WIDTH, HEIGHT)} />
          </div>
        </Panel>
        <Panel title="What differs" aside={<span className={distance < tau ? "text-good" : ""}>{near(distance)}</span>}>
          <HeatMap frame={frame} />
        </Panel>
      </div>
      <Panel
        title="How near"
        aside={reached === null ? <Badge tone="bad">not reached</Badge> : <button type="button" className="button text-xs" onClick={() => head.seek(reached)}><span className="text-good"><Icon name="goals" size={8} /></span> reached at step {reached}</button>}
      >
        <div className="mb-4"><Transport head={head} stepSeconds={stepSeconds} /></div>
        <Timeline lanes={lanes} head={head} valueText={(step) => `Step ${step}, distance ${near(curve.distance[step] ?? Number.NaN)}, ${consec[step]} in a row of ${k}`} />
        <fieldset className="mt-4 flex flex-wrap items-center gap-x-5 gap-y-2 border-t border-line pt-4">
          <legend className="sr-only">Try another limit</legend>
          <label className="flex items-center gap-2">
            <span className="text-quiet">Try τ</span>
            <input type="range" className="w-40 accent-accent" min={0.001} max={0.5} step={0.001} value={tau} onChange={(event) => setTau(Number(event.target.value))} />
            <span className="w-14">{near(tau)}</span>
          </label>
          <label className="flex items-center gap-2">
            <span className="text-quiet">in a row</span>
            <input type="number" className="field w-16" min={1} max={99} value={k} onChange={(event) => setK(Math.max(1, Math.trunc(Number(event.target.value)) || 1))} />
          </label>
          {(tau !== curve.tau || k !== curve.k_consecutive) && (
            <button type="button" className="button" onClick={() => { setTau(curve.tau); setK(curve.k_consecutive); }}>As the goal has it</button>
          )}
        </fieldset>
      </Panel>
      <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-2">
        <Receipts goal={goal} />
        <Facts goal={goal} />
      </div>
    </div>
  );
}

/** How many steps in a row count, of those that are needed. */
function Counter({ row, k }: { row: number; k: number }) {
  return (
    <span role="img" aria-label={`${Math.min(row, k)} of ${k} in a row`} className={`flex items-center gap-1 ${row >= k ? "text-good" : "text-quiet"}`}>
      {k <= 8 && Array.from({ length: k }, (_, number) => <span key={number} className={`size-2.5 border border-current ${number < row ? "bg-current" : ""}`} />)}
      <span className="pl-1 text-xs">{Math.min(row, k)} of {k}</span>
    </span>
  );
}

function Receipts({ goal }: { goal: Goal }) {
  const receipts = useQuery(receiptsQuery(goal.id));
  return (
    <Panel title="Its gate">
      <Loaded query={receipts} what="receipts">
        {(all) =>
          all.length ? (
            <ul className="flex flex-col gap-4">
              {all.map((receipt) => (
                <li key={receipt.trace_id}>
                  <p className="flex flex-wrap items-center gap-x-3 gap-y-1">
                    <Badge tone="bad" icon="warning">not let through</Badge>
                    <span className="text-xs text-quiet">{ago(receipt.made)}, {receipt.steps} steps, {receipt.device}</span>
                    <span className="ml-auto"><Sparkline values={receipt.distance} label="Distance step by step" /></span>
                  </p>
                  <p className="mt-1">{receipt.failure[0]?.toUpperCase()}{receipt.failure.slice(1)}</p>
                  <pre tabIndex={0} className="mt-1 overflow-x-auto rounded-sm bg-raised p-2 font-mono text-xs">{receipt.command}</pre>
                </li>
              ))}
            </ul>
          ) : (
            <p className="text-quiet">No trace was refused here. <code className="font-mono text-ink">ludus goal replay</code> plays the goal's own trace again, as often as you like, and leaves a receipt here where it does not get there, alike each time.</p>
          )
        }
      </Loaded>
    </Panel>
  );
}

const FACTS: readonly (readonly [string, string])[] = [
  ["Taken", "created_at"],
  ["Codec", "action_codec_id"],
  ["Frames a step", "frames_per_step"],
  ["View", "view"],
  ["Distance", "dist_metric"],
  ["ROM", "rom_sha256"],
];

function Facts({ goal }: { goal: Goal }) {
  const meta = goal.meta ?? {};
  return (
    <Panel title="How it was taken">
      <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-6 gap-y-1">
        {FACTS.map(([name, key]) => (
          <div key={key} className="contents">
            <dt className="text-quiet">{name}</dt>
            <dd className="truncate">{String(meta[key] ?? "–").replace("T", " ").replace(/\.\d+Z$/, " UTC")}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}
