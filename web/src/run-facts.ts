/** What runs tell of themselves: a training run its settings, a recorded one the facts of its run.json. */
import { queryOptions } from "@tanstack/react-query";
import { type Run, api, told } from "./api";

export interface RunFacts {
  id: string;
  began: number;
  kind: "Training" | "Evaluation" | "Stream";
  game: string;
  role: string;
  seed: string;
  /** All settings, by their dotted names. */
  settings: ReadonlyMap<string, string>;
  /** Of runs that differ in nothing but their seed the same. */
  group: string;
}

export const curvesQuery = (run: string) =>
  queryOptions({
    queryKey: ["runs", run, "curves"],
    queryFn: async () => (await told(api.GET("/runs/{run}/metrics", { params: { path: { run }, query: { points: 500 } } }))).curves,
    staleTime: 30_000,
    refetchInterval: 30_000,
  });

type Told = Readonly<Record<string, unknown>>;
const inner = (told: unknown): Told => (typeof told === "object" && told !== null ? (told as Told) : {});

export function factsOf(run: Run): RunFacts {
  const facts = inner(inner(run.run).facts);
  const trained = "settings" in run;
  const source = trained ? inner(run.settings) : facts;
  const settings = new Map(flat(source));
  const tell = (...names: string[]) => names.map((name) => settings.get(name)).find((value) => value !== undefined && value !== "null") ?? "";
  const seedless = [...settings].filter(([name]) => name !== "run.seed" && name !== "seed");
  return {
    id: run.run_id,
    began: run.began,
    kind: trained ? "Training" : "run" in run ? "Evaluation" : "Stream",
    game: tell("world.game", "game.game", "game"),
    role: tell("world.role", "game.role"),
    seed: tell("run.seed", "seed"),
    settings,
    group: settings.size ? JSON.stringify(seedless) : run.run_id,
  };
}

function flat(told: unknown, name = ""): [string, string][] {
  if (typeof told === "object" && told !== null && !Array.isArray(told)) {
    return Object.entries(told).flatMap(([key, value]) => flat(value, name ? `${name}.${key}` : key));
  }
  return [[name, typeof told === "string" ? told : JSON.stringify(told)]];
}

/** Gives the names of settings in which runs differ. */
export function differences(runs: readonly RunFacts[]): string[] {
  const names = [...new Set(runs.flatMap(({ settings }) => [...settings.keys()]))];
  return names.filter((name) => new Set(runs.map(({ settings }) => settings.get(name))).size > 1);
}
