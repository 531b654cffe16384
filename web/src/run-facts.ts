/** What runs tell of themselves: a list a line of each, a run by itself all its settings. */
import { queryOptions } from "@tanstack/react-query";
import { api, type Run, type RunDetail, told } from "./api";

export const KINDS: Record<Run["kind"], string> = { train: "Training", eval: "Evaluation", told: "Stream" };

export const curvesQuery = (run: string) =>
  queryOptions({
    queryKey: ["runs", run, "curves"],
    queryFn: async () => (await told(api.GET("/runs/{run}/metrics", { params: { path: { run }, query: { points: 500 } } }))).curves,
    staleTime: 30_000,
    refetchInterval: 30_000,
  });

/** Gives what is the same for runs that differ in nothing but their seed. */
export const groupOf = ({ group, run_id }: Run): string => group ?? run_id;

/** Gives what was played, and by whom, in a few words. */
export const wordsOf = ({ game, role, policy, seed }: Run): string =>
  [game, role, policy, seed !== null && `seed ${seed}`].filter(Boolean).join(" · ");

/** Gives all settings of a run, by their dotted names. */
export const settingsOf = (run: RunDetail): ReadonlyMap<string, string> => new Map(flat(run.settings ?? {}));

function flat(told: unknown, name = ""): [string, string][] {
  if (typeof told === "object" && told !== null && !Array.isArray(told)) {
    return Object.entries(told).flatMap(([key, value]) => flat(value, name ? `${name}.${key}` : key));
  }
  return [[name, typeof told === "string" ? told : JSON.stringify(told)]];
}

/** Gives the names of settings that are not the same everywhere. */
export function differences(all: readonly ReadonlyMap<string, string>[]): string[] {
  const names = [...new Set(all.flatMap((settings) => [...settings.keys()]))];
  return names.filter((name) => new Set(all.map((settings) => settings.get(name))).size > 1);
}
