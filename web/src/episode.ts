/** Episodes as their manifest tells them, and what lies beside it: steps, events, verdicts on one axis of steps. */
import { queryOptions } from "@tanstack/react-query";
import { api, type Episode, told } from "./api";
import type { components, paths } from "./api.gen";

export type StepEvent = components["schemas"]["StepEvent"];
export type DistanceCurve = components["schemas"]["DistanceCurve"];
export type EpisodeTimeline = components["schemas"]["Timeline"];

export interface Verdict {
  judge: string;
  name: string;
  step: number;
  tick: number;
  stage: string;
  evidence: Record<string, unknown>;
}

export interface Clip {
  tag: string;
  tick: number;
  start: number;
  end: number;
  speed: number;
  path: string | null;
  skipped: string | null;
}

export interface Video {
  status: string;
  frames?: number;
  fps?: number;
  width?: number;
  height?: number;
  codec?: string;
  filesize_bytes?: number;
  renderer?: string;
  reason?: { code: string; detail: string } | null;
  fallback_reason?: { code: string; detail: string } | null;
}

/** A line of a manifest: see `src/ludus/episodes/schema.json`. */
export interface Line {
  id: string;
  number: number;
  run: string;
  scenario: string;
  seed: number;
  episode_idx: number;
  policy: string;
  steps: number;
  return: number;
  ticks: number;
  terminated: boolean;
  truncated: boolean;
  digest: string;
  events: Record<string, number>;
  files: Record<string, { path: string; filesize_bytes: number; sha256: string }>;
  verdicts: readonly Verdict[];
  clips: readonly Clip[];
  video: Video;
  timing: { finished: string; wall_s: number };
}

/** Gives an episode's line; an older or foreign one may lack parts, which are then empty. */
export function lineOf(episode: Episode): Line {
  const told = episode as unknown as Partial<Line>;
  return {
    scenario: "",
    seed: 0,
    episode_idx: 0,
    policy: "",
    steps: 0,
    return: Number.NaN,
    ticks: 0,
    terminated: false,
    truncated: false,
    digest: "",
    events: {},
    files: {},
    verdicts: [],
    clips: [],
    timing: { finished: "", wall_s: 0 },
    ...told,
    id: episode.id,
    number: episode.number,
    run: episode.id.slice(0, episode.id.indexOf(":")),
    video: told.video ?? { status: "skipped", reason: { code: "unknown", detail: "the manifest tells nothing of a film" } },
  };
}

export const hasFilm = ({ video }: Line): boolean => (video.frames ?? 0) > 0;

/** Gives how a policy is called: the last part of its path. */
export const policyName = (policy: string): string => policy.split("/").findLast(Boolean) ?? policy;

/** Gives how a game is called: its scenario, without the digits that tell ids apart which look alike as file names. */
export const gameName = (scenario: string): string => scenario.replace(/-[0-9a-f]{8}$/, "");

/** Gives the address of a file of an episode. */
export const partOf = (id: string, part: "video" | "trace" | "steps" | "events" | "thumb"): string => `/episodes/${encodeURIComponent(id)}/${part}`;

export const episodeQuery = (id: string) =>
  queryOptions({ queryKey: ["episodes", id], queryFn: () => told(api.GET("/episodes/{id}", { params: { path: { id } } })).then(lineOf) });

/** What episodes are asked for by, as the orchestrator filters and sorts them. */
export type Wanted = NonNullable<paths["/episodes"]["get"]["parameters"]["query"]>;

/** Gives a page of the episodes that are wanted, and how many there are in all. */
export const episodesPage = (wanted: Wanted): Promise<{ total: number; lines: Line[] }> =>
  told(api.GET("/episodes", { params: { query: wanted } })).then(({ total, episodes }) => ({ total, lines: episodes.map(lineOf) }));

export const episodesQuery = (wanted: Wanted) => queryOptions({ queryKey: ["episodes", "page", wanted], queryFn: () => episodesPage(wanted) });

/** What there are episodes of. */
export const namesQuery = queryOptions({ queryKey: ["episodes", "names"], queryFn: () => told(api.GET("/episodes/names")), refetchInterval: 10_000 });

/** What an episode did, earned and told, a column each, an entry for each step; kept, for it does not change. */
export const timelineQuery = (id: string) =>
  queryOptions({
    queryKey: ["episodes", id, "timeline"],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: () => told(api.GET("/episodes/{id}/timeline", { params: { path: { id } } })),
  });

/** How far an episode was from a goal, step by step. */
export const distanceQuery = (id: string, goal: string) =>
  queryOptions({
    queryKey: ["episodes", id, "distance", goal],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: () => told(api.GET("/episodes/{id}/distance", { params: { path: { id }, query: { goal } } })),
  });

/** Gives the step that brought a tick: the first after which game time has reached it. */
export function stepAt(ticks: ArrayLike<number>, tick: number): number {
  let [low, high] = [0, ticks.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ticks[middle] ?? 0) < tick) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, Math.min(low, ticks.length - 1));
}

/** Gives an event in a few words: its type, or the counter that it moves, and its numbers. */
export function wordsOf({ event_type, payload }: Pick<StepEvent, "event_type" | "payload">): { name: string; rest: string } {
  if (event_type === "counter_delta") {
    const by = Number(payload.delta);
    return { name: String(payload.name), rest: by < 0 ? `−${-by}` : `+${by}` };
  }
  const rest = Object.entries(payload).map(([key, value]) => `${key} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`);
  return { name: event_type, rest: rest.join(", ") };
}
