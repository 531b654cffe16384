/** What judges said of an episode, by the names that people know. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { api, runQuery, runsQuery, told } from "./api";
import type { components } from "./api.gen";
import type { Line, Verdict } from "./episode";
import { Badge, HallBadge } from "./ui";

export type Feat = components["schemas"]["FeatAnswer"];
export type Goal = components["schemas"]["Goal"];

// Whatever begins with "feats" is asked for anew when something unlocks: see toasts.tsx.
export const featsQuery = queryOptions({ queryKey: ["feats", "all"], queryFn: () => told(api.GET("/feats")) });
export const hallQuery = queryOptions({ queryKey: ["feats", "hall"], queryFn: () => told(api.GET("/feats/hall", { params: { query: { limit: 200 } } })) });
export const unlocksQuery = queryOptions({ queryKey: ["feats", "unlocks"], queryFn: () => told(api.GET("/feats/unlocks", { params: { query: { limit: 8 } } })) });
export const progressQuery = queryOptions({ queryKey: ["feats", "progress"], queryFn: () => told(api.GET("/feats/progress")), refetchInterval: 5_000 });
export const boardsQuery = queryOptions({ queryKey: ["feats", "boards"], queryFn: () => told(api.GET("/leaderboards")) });
export const validationQuery = queryOptions({ queryKey: ["feats", "validation"], queryFn: () => told(api.GET("/feats/validate")), staleTime: 60_000 });
export const goalsQuery = queryOptions({ queryKey: ["goals"], queryFn: () => told(api.GET("/goals")) });
export const receiptsQuery = (id: string) => queryOptions({ queryKey: ["goals", id, "receipts"], queryFn: () => told(api.GET("/goals/{id}/receipts", { params: { path: { id } } })) });
export const templateOf = (id: string, number = 0): string => `/goals/${encodeURIComponent(id)}/template.png?number=${number}`;

/** Gives the runs that have a folder here, whose episodes can be shown. */
export function useFolders(): ReadonlySet<string> {
  const { data } = useQuery(runsQuery);
  return useMemo(() => new Set((data ?? []).filter(({ folder }) => folder).map(({ run_id }) => run_id)), [data]);
}

export interface World {
  /** sha256 of the ROM that was played; null where it was no Game Boy game, which is not played again here. */
  rom: string | null;
  /** Seconds of game time in a step. */
  stepSeconds: number | null;
}

/** Gives what a run has played. */
export function useWorld(run: string): World {
  const world = (useQuery(runQuery(run)).data?.settings?.world ?? {}) as { rom_sha256?: unknown; tick_hz?: unknown; ticks_per_step?: unknown };
  const { rom_sha256: rom, tick_hz: hz, ticks_per_step: ticks } = world;
  return { rom: typeof rom === "string" ? rom : null, stepSeconds: typeof hz === "number" && typeof ticks === "number" ? ticks / hz : null };
}

/** Gives the goal that a verdict is about, null where it is a feat's. */
export const goalOf = ({ judge, name }: Verdict): string | null => (judge.startsWith("goal:") ? name : null);

export interface Named {
  name: string;
  about: string;
  hall: string;
  hidden: boolean;
}

/** Gives feats by id. One that nobody told of here is called as its id is, and is in the hall that this begins with. */
export function useFeats(): (id: string) => Named {
  const { data } = useQuery(featsQuery);
  return useMemo(() => {
    const named = new Map(
      (data ?? []).map((feat) => {
        const { description = "", hall = "fame", hidden = false } = feat as { description?: string; hall?: string; hidden?: boolean };
        return [feat.id, { name: feat.name, about: description, hall, hidden }];
      }),
    );
    return (id) => named.get(id) ?? { name: id, about: "", hall: id.startsWith("shame") ? "shame" : "fame", hidden: false };
  }, [data]);
}

export function VerdictBadge({ verdict, hall }: { verdict: Verdict; hall: string }) {
  return goalOf(verdict) === null ? <HallBadge hall={hall} /> : <Badge tone="good" icon="goals">Goal</Badge>;
}

/** How many verdicts of each kind an episode has. */
export function VerdictCounts({ line }: { line: Line }) {
  const feat = useFeats();
  const goals = line.verdicts.filter((verdict) => goalOf(verdict) !== null);
  const halls = line.verdicts.filter((verdict) => goalOf(verdict) === null).map(({ name }) => feat(name).hall);
  const counts = { fame: halls.filter((hall) => hall !== "shame").length, shame: halls.filter((hall) => hall === "shame").length };
  return (
    <>
      {counts.fame > 0 && <Badge tone="fame" icon="fame">{counts.fame} fame</Badge>}
      {counts.shame > 0 && <Badge tone="shame" icon="shame">{counts.shame} shame</Badge>}
      {goals.map(({ name }) => (
        <Badge key={name} tone="good" icon="goals">{name}</Badge>
      ))}
    </>
  );
}
