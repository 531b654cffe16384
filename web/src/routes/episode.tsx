/** One episode: its film, and all that was told of each step of it, under one cursor. */
import { type UseQueryResult, useQueries, useQuery } from "@tanstack/react-query";
import { createLazyRoute, Link, useNavigate, useParams } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { type DistanceCurve, type EpisodeTimeline, type Line, distanceQuery, episodeQuery, episodesPage, gameName, hasFilm, partOf, policyName, timelineQuery, wordsOf } from "../episode";
import { EventList, Provenance, Verdicts } from "../episode-lists";
import { Film, Transport, useWithoutFilm, wholePixels } from "../film";
import { Icon } from "../icons";
import { type Goal, goalOf, goalsQuery, useFeats, useWorld, VerdictCounts } from "../judged";
import { useKeys } from "../keys";
import { useLinkedStep } from "../linked-step";
import { count, figure, lasting } from "../numbers";
import { Playhead, useShown } from "../playhead";
import { type Lane, type Row, Timeline } from "../timeline";
import { Badge, ErrorState, Loaded, LoadingState, Panel, Room } from "../ui";

export const Route = createLazyRoute("/episodes/$id")({ component: OneEpisode });

/** So many kinds of events have a row; rarer ones first, for they tell more. */
const MOST_ROWS = 12;
/** So many actions have a row each; of more there is a curve. */
const MOST_ACTIONS = 20;
/** Episodes of a run have numbers near each other. */
const BESIDE = 20;

function OneEpisode() {
  const { id } = useParams({ from: "/episodes/$id" });
  const episode = useQuery(episodeQuery(id));
  return (
    <Loaded query={episode} what="the episode">
      {(line) => <Shown key={line.id} line={line} />}
    </Loaded>
  );
}

function Shown({ line }: { line: Line }) {
  const timeline = useQuery(timelineQuery(line.id));
  const [head] = useState(() => new Playhead(line.steps));
  const told = timeline.data;
  useLinkedStep(head, told?.tick);
  return (
    <Room
      title={`Episode ${line.episode_idx} of ${line.run}`}
      about={
        <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <span>
            {gameName(line.scenario)} · {policyName(line.policy)} · seed {line.seed} · {count(line.steps)} steps
          </span>
          <VerdictCounts line={line} />
          {line.truncated && <Badge>cut off</Badge>}
        </span>
      }
      actions={<Neighbours line={line} />}
    >
      <div className="grid items-start gap-4 lg:grid-cols-[minmax(20rem,33rem)_minmax(0,1fr)]">
        <div className="contents flex-col gap-4 lg:flex">
          <Panel className="order-1">
            <Picture line={line} head={head} told={told} />
          </Panel>
          <Verdicts line={line} head={head} />
        </div>
        <div className="contents min-w-0 flex-col gap-4 lg:flex">
          <Panel className="order-2 min-w-0" title="Step by step" aside={<span className="text-quiet">Return <strong className="text-lg font-semibold text-ink">{figure(line.return)}</strong></span>}>
            {told ? <Lanes line={line} told={told} head={head} /> : timeline.isError ? <ErrorState error={timeline.error} retry={() => void timeline.refetch()} /> : <LoadingState what="its steps" />}
          </Panel>
          {told && <EventList events={told.events} head={head} />}
          <Provenance line={line} />
        </div>
      </div>
    </Room>
  );
}

function Picture({ line, head, told }: { line: Line; head: Playhead; told: EpisodeTimeline | undefined }) {
  const { video } = line;
  const stepSeconds = told?.step_s ?? (video.fps ? 1 / video.fps : 0.1);
  const filmed = hasFilm(line);
  useWithoutFilm(head, 1 / stepSeconds, filmed);
  return (
    <div className="flex flex-col gap-3">
      {filmed ? (
        <Film src={partOf(line.id, "video")} fps={video.fps ?? 1 / stepSeconds} width={video.width ?? 80} height={video.height ?? 72} head={head} label={`Film of ${line.id}`} />
      ) : (
        <Still line={line} head={head} />
      )}
      {line.steps > 0 && <Transport head={head} stepSeconds={stepSeconds} />}
      {video.fallback_reason && <p className="text-xs text-quiet">Drawn from the recorded steps, for the game's own picture could not be had: {video.fallback_reason.detail}.</p>}
    </div>
  );
}

/** In place of a film: why there is none, and each step played again, where the game allows it. */
function Still({ line, head }: { line: Line; head: Playhead }) {
  const shown = useShown(head);
  const lacking = useWorld(line.run).rom === null;
  const { reason } = line.video;
  return (
    <>
      <div className="screen">
        <img
          src={lacking ? partOf(line.id, "thumb") : `/episodes/${encodeURIComponent(line.id)}/frames/${shown}`}
          alt={lacking ? "A picture of the episode" : `Step ${shown}, played again`}
          data-step={shown}
          className="pixels block object-contain"
          style={wholePixels(80, 72)}
        />
      </div>
      <div role="note" className="rounded-md border border-line bg-raised px-3 py-2">
        <p className="flex flex-wrap items-center gap-2 font-medium">
          <Icon name="warning" /> No film <code className="font-mono text-xs text-quiet">{reason?.code ?? line.video.status}</code>
        </p>
        <p className="mt-1 text-quiet">
          {reason?.detail ? `${reason.detail[0]?.toUpperCase()}${reason.detail.slice(1)}. ` : ""}
          {lacking
            ? "This game is not played again here, so there is one picture, and all that was told of its steps. "
            : "The pictures are played again from the record, which comes out the same to the bit. "}
          The same <code className="font-mono text-ink">ludus eval</code> with <code className="font-mono text-ink">--video</code> makes the film.
        </p>
      </div>
    </>
  );
}

const NO_GOALS: readonly Goal[] = [];
const known = (all: readonly UseQueryResult<DistanceCurve, Error>[]) => all.flatMap(({ data }) => (data ? [data] : []));

function Lanes({ line, told, head }: { line: Line; told: EpisodeTimeline; head: Playhead }) {
  const feat = useFeats();
  const { rom } = useWorld(line.run);
  const goals = (useQuery(goalsQuery).data ?? NO_GOALS).filter(({ meta }) => rom !== null && meta?.rom_sha256 === rom);
  const near = useQueries({ queries: goals.map(({ id }) => ({ ...distanceQuery(line.id, id), retry: false })), combine: known });
  const lanes = useMemo((): Lane[] => {
    const rows = [...verdictRows(line, (id) => feat(id).hall), ...eventRows(told)];
    const distances = near.map(
      ({ goal, distance, tau }, number): Lane => ({ kind: "curve", label: `To ${goal}`, values: distance, color: 3 + number, level: { y: tau, label: `τ ${tau}` }, format: (value) => value.toFixed(3) }),
    );
    return [...earned(told), ...distances, ...actionLanes(told), ...(rows.length ? [{ kind: "marks", label: "Events", rows, color: 4 } satisfies Lane] : [])];
  }, [told, near, line, feat]);
  const secondsOf = (step: number) => (told.step_s ? `, ${lasting((step + 1) * told.step_s)}` : "");
  return <Timeline lanes={lanes} head={head} valueText={(step) => `Step ${step} of ${head.steps - 1}${secondsOf(step)}, reward ${figure(told.reward[step])}`} />;
}

function earned({ reward, value }: EpisodeTimeline): Lane[] {
  let sum = 0;
  const numbers = (column: readonly (number | null)[]) => Float64Array.from(column, (each) => each ?? Number.NaN);
  return [
    { kind: "bars", label: "Reward", values: numbers(reward), color: 0 },
    { kind: "curve", label: "Return", values: reward.map((each) => (sum += each ?? 0)), color: 1 },
    ...(value ? [{ kind: "curve", label: "Value", values: numbers(value), color: 2 } satisfies Lane] : []),
  ];
}

function verdictRows(line: Line, hallOf: (feat: string) => string): Row[] {
  const rows = (["fame", "shame", "goals"] as const).map((name) => ({
    name,
    color: `var(--color-${name === "goals" ? "good" : name})`,
    steps: line.verdicts.filter((verdict) => (goalOf(verdict) === null ? hallOf(verdict.name) : "goals") === name).map(({ step }) => step),
  }));
  return rows.filter(({ steps }) => steps.length);
}

/** Gives a row for each kind of event, rarer ones first; a counter that only tells what an event tells has none. */
function eventRows({ events }: EpisodeTimeline): Row[] {
  const kinds = new Map<string, { steps: number[]; counter: boolean }>();
  for (const event of events) {
    const { name } = wordsOf(event);
    const kind = kinds.get(name) ?? { steps: [], counter: event.event_type === "counter_delta" };
    kinds.set(name, kind);
    kind.steps.push(event.step);
  }
  const known = new Set([...kinds.values()].filter(({ counter }) => !counter).map(({ steps }) => steps.join()));
  return [...kinds]
    .filter(([, { counter, steps }]) => !counter || !known.has(steps.join()))
    .sort(([, a], [, b]) => Number(a.counter) - Number(b.counter) || a.steps.length - b.steps.length)
    .slice(0, MOST_ROWS)
    .map(([name, { steps }]) => ({ name, steps }));
}

/** Gives a row for each action of a few, and a curve for each number of those that are many. */
function actionLanes(told: EpisodeTimeline): Lane[] {
  const first = told.action[0] as number | number[] | undefined;
  if (Array.isArray(first)) {
    const columns = told.action as number[][];
    return first.slice(0, 6).map((_, part) => ({ kind: "curve", label: `Action ${part}`, values: columns.map((row) => row[part] ?? Number.NaN), color: part }));
  }
  const actions = told.action as number[];
  const [least, most] = actions.reduce(([low, high], each) => [Math.min(low, each), Math.max(high, each)], [0, 1]);
  const names = told.action_names?.length ? told.action_names : Array.from({ length: most + 1 }, (_, number) => String(number));
  return least >= 0 && most < names.length && names.length <= MOST_ACTIONS
    ? [{ kind: "choice", label: "Actions", values: actions, names, color: 6 }]
    : [{ kind: "curve", label: "Action", values: actions, color: 6, format: (action) => told.action_names?.[action] ?? figure(action) }];
}

function Neighbours({ line }: { line: Line }) {
  const navigate = useNavigate();
  const of = useQuery({ queryKey: ["episodes", "beside", line.id], queryFn: () => episodesPage({ before: line.number + BESIDE, run: line.run, limit: 2 * BESIDE }) });
  const all = (of.data?.lines ?? []).toSorted((a, b) => a.episode_idx - b.episode_idx);
  const place = all.findIndex(({ id }) => id === line.id);
  const open = (id: string | undefined) => id && void navigate({ to: "/episodes/$id", params: { id } });
  const [before, after] = place < 0 ? [] : [all[place - 1]?.id, all[place + 1]?.id];
  useKeys([
    { keys: "p", does: "The episode before", run: () => open(before) },
    { keys: "n", does: "The next episode", run: () => open(after) },
  ]);
  return (
    <>
      <button type="button" className="button" disabled={!before} onClick={() => open(before)}>
        <Icon name="left" /> Before
      </button>
      <button type="button" className="button" disabled={!after} onClick={() => open(after)}>
        Next <Icon name="right" />
      </button>
      <Link to="/episodes" search={{ run: line.run }} className="button">All of {line.run}</Link>
    </>
  );
}
