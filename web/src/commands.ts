/** What the palette can do: go to a room, a run, an episode, a worker, a feat or a goal, or change how the page looks. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { type LinkProps, useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import { runsQuery, workersQuery } from "./api";
import { episodesQuery, gameName, policyName } from "./episode";
import type { IconName } from "./icons";
import { featsQuery, goalsQuery } from "./judged";
import { ago, figure } from "./numbers";
import { ROOMS } from "./rooms";
import { KINDS, wordsOf } from "./run-facts";
import { THEMES, theme, THEME_ICONS, THEME_WORDS } from "./theme";

export interface Command {
  id: string;
  name: string;
  about?: string | undefined;
  /** What it is found by too, without being shown. */
  words?: string | undefined;
  icon: IconName;
  /** Where it leads; without it, it does something here. */
  to?: LinkProps;
  run: () => void;
}

export interface Group {
  name: string;
  commands: readonly Command[];
}

/** So many of a kind are offered; while nothing is asked for all rooms, and so many of the others. */
const MOST = 8;
const FEW = 4;
const ROOMS_NAME = "Rooms";
/** Of how episodes are called here, what the orchestrator does not know them by. */
const OWN_WORDS = /\b(episodes?|of)\b/gi;

/** Gives how well a command fits, 0 where it does not: words that begin its name count most, then those in it. */
export function fit({ name, about = "", words: more = "" }: Pick<Command, "name" | "about" | "words">, asked: string): number {
  const [named, all] = [name.toLowerCase(), `${name} ${about} ${more}`.toLowerCase()];
  const words = asked.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.every((word) => all.includes(word))) return 0;
  if (named.startsWith(words.join(" "))) return 4;
  if (words.every((word) => named.split(/[^\p{L}\p{N}]+/u).some((part) => part.startsWith(word)))) return 3;
  return words.every((word) => named.includes(word)) ? 2 : 1;
}

/** Gives what fits, the best of each kind first, and the kind that fits best before the others. */
export function found(groups: readonly Group[], asked: string): Group[] {
  const some = groups.map(({ name, commands }) => {
    const fitting = commands.map((command) => ({ command, fits: fit(command, asked) })).filter(({ fits }) => fits > 0);
    const best = fitting.toSorted((a, b) => b.fits - a.fits);
    return { name, best: best[0]?.fits ?? 0, commands: best.slice(0, asked.trim() || name === ROOMS_NAME ? MOST : FEW).map(({ command }) => command) };
  });
  return some.filter(({ commands }) => commands.length).toSorted((a, b) => (asked.trim() ? b.best - a.best : 0));
}

/** Gives all commands by kind; of episodes, which may be very many, the newest of those that `asked` names. */
export function useCommands(asked: string): readonly Group[] {
  const navigate = useNavigate();
  const runs = useQuery(runsQuery).data;
  const workers = useQuery(workersQuery).data;
  const feats = useQuery(featsQuery).data;
  const goals = useQuery(goalsQuery).data;
  const episodes = useQuery({ ...episodesQuery({ q: asked.replace(OWN_WORDS, " ").slice(0, 200), limit: MOST }), placeholderData: keepPreviousData }).data?.lines;
  return useMemo(() => {
    const go = (name: string, icon: IconName, to: LinkProps, about?: string, words?: string): Command => ({ id: JSON.stringify(to), name, about, words, icon, to, run: () => void navigate(to) });
    const rooms = ROOMS.map(({ path, name, icon }) => go(name, icon, { to: path }));
    const here = (workers ?? []).toSorted((a, b) => Number(b.alive) - Number(a.alive) || b.seen - a.seen);
    const open = (feats ?? []).filter(({ unlocks, ...feat }) => unlocks > 0 || (feat as { hidden?: boolean }).hidden !== true);
    return [
      { name: ROOMS_NAME, commands: [...rooms, go("Hall of Shame", "shame", { to: "/hall/$hall", params: { hall: "shame" } })] },
      {
        name: "Runs",
        commands: (runs ?? []).map((run) => go(run.run_id, "runs", { to: "/runs/$run", params: { run: run.run_id } }, `${KINDS[run.kind]} · ${wordsOf(run)}`)),
      },
      { name: "Workers", commands: here.map(({ worker, alive, seen }) => go(worker, "swarm", { to: "/", search: { worker, lane: 0 } }, alive ? "plays now" : `heard of ${ago(seen)}`)) },
      {
        name: "Episodes",
        commands: (episodes ?? []).map((line) =>
          go(`Episode ${line.episode_idx} of ${line.run}`, "episodes", { to: "/episodes/$id", params: { id: line.id } }, `${gameName(line.scenario)} · ${policyName(line.policy)} · seed ${line.seed} · return ${figure(line.return)}`, line.id),
        ),
      },
      {
        name: "Feats",
        commands: open.map(({ id, name, unlocks, ...feat }) => {
          const { hall, description } = feat as { hall?: string; description?: string };
          const room = hall === "shame" ? "shame" : "fame";
          return go(name, room, unlocks ? { to: "/hall/$hall", params: { hall: room }, search: { feat: id } } : { to: "/feats", search: { filter: name } }, description);
        }),
      },
      { name: "Goals", commands: (goals ?? []).map(({ id }) => go(id, "goals", { to: "/goals/$goal", params: { goal: id } }, "goal")) },
      { name: "Theme", commands: THEMES.map((each): Command => ({ id: `theme ${each}`, name: THEME_WORDS[each], about: "theme", icon: THEME_ICONS[each], run: () => theme.set(each) })) },
    ];
  }, [navigate, runs, workers, feats, goals, episodes]);
}
