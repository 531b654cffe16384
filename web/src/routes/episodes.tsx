/** Episodes: what was played, as a sheet of pictures that can be sorted and filtered. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { createLazyRoute, Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useRef } from "react";
import { type Line, episodesPage, hasFilm, PAGE, partOf, policyName } from "../episode";
import { Icon } from "../icons";
import { goalOf, useFeats, VerdictCounts } from "../judged";
import { useKeys } from "../keys";
import { count, figure } from "../numbers";
import { SORTS, type EpisodesSearch } from "../searches";
import { Badge, EmptyState, Loaded, Room } from "../ui";

export const Route = createLazyRoute("/episodes")({ component: Episodes });

const BY: Record<(typeof SORTS)[number], { word: string; of: (line: Line) => number }> = {
  newest: { word: "Newest", of: ({ number }) => -number },
  best: { word: "Highest return", of: (line) => -line.return },
  worst: { word: "Lowest return", of: (line) => line.return },
  longest: { word: "Most steps", of: ({ steps }) => -steps },
  shortest: { word: "Fewest steps", of: ({ steps }) => steps },
  noticed: { word: "Most verdicts", of: ({ verdicts }) => -verdicts.length },
};
const FILMS = { all: "With or without film", yes: "With film", no: "Without film" } as const;

function Episodes() {
  const { run } = useSearch({ from: "/episodes" });
  const query = useInfiniteQuery({
    queryKey: ["episodes", "list", run],
    queryFn: ({ pageParam }) => episodesPage(pageParam, run),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (page) => (page.length === PAGE ? page.at(-1)?.number : undefined),
    refetchInterval: ({ state }) => (state.data && state.data.pages.length > 1 ? false : 10_000),
    select: ({ pages }) => pages.flat(),
  });
  return (
    <Room title="Episodes" about="What was played, every one kept as a record that can be played again">
      <Loaded
        query={query}
        what="episodes"
        empty={
          <EmptyState title={run ? `No episode of ${run}` : "No episode yet"}>
            Play some: <code className="font-mono text-ink">ludus eval potyard --policy random --video</code>
          </EmptyState>
        }
      >
        {(lines) => <Sheet lines={lines} more={query.hasNextPage ? () => void query.fetchNextPage() : null} fetching={query.isFetchingNextPage} />}
      </Loaded>
    </Room>
  );
}

function Sheet({ lines, more, fetching }: { lines: readonly Line[]; more: (() => void) | null; fetching: boolean }) {
  const navigate = useNavigate({ from: "/episodes" });
  const asked = useSearch({ from: "/episodes" });
  const { run, policy, verdict, film, sort = "newest", filter = "" } = asked;
  const feat = useFeats();
  const field = useRef<HTMLInputElement>(null);
  useKeys([{ keys: "/", does: "Filter episodes", run: () => field.current?.focus() }]);
  const set = (next: EpisodesSearch) => void navigate({ search: (before) => ({ ...before, ...next }), replace: true });
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const found = lines
    .filter((line) => !policy || policyName(line.policy) === policy)
    .filter((line) => !verdict || line.verdicts.some(({ name }) => name === verdict))
    .filter((line) => !film || hasFilm(line) === (film === "yes"))
    .filter((line) => {
      const text = `${line.id} ${line.scenario} ${line.policy} seed ${line.seed}`.toLowerCase();
      return words.every((word) => text.includes(word));
    })
    .toSorted((a, b) => BY[sort].of(a) - BY[sort].of(b));
  const unique = (names: readonly string[]) => [...new Set(names)].sort();
  const verdicts = unique(lines.flatMap((line) => line.verdicts.map(({ name }) => name)));
  const goals = new Set(lines.flatMap((line) => line.verdicts.filter((each) => goalOf(each)).map(({ name }) => name)));
  return (
    <>
      <form role="search" aria-label="Episodes" className="mb-4 grid grid-cols-2 gap-2 sm:flex sm:flex-wrap sm:items-center" onSubmit={(event) => event.preventDefault()}>
        <input ref={field} type="search" className="field col-span-2 sm:w-52" placeholder="Filter: game, seed 3" aria-label="Filter episodes" value={filter} onChange={(event) => set({ filter: event.target.value || undefined })} />
        <Choice label="Run" value={run} any="Every run" options={unique([...lines.map((line) => line.run), ...(run ? [run] : [])]).map((each) => [each, each])} change={(run) => set({ run })} />
        <Choice label="Policy" value={policy} any="Every policy" options={unique(lines.map((line) => policyName(line.policy))).map((each) => [each, each])} change={(policy) => set({ policy })} />
        <Choice label="Verdict" value={verdict} any="Any verdict" options={verdicts.map((each) => [each, goals.has(each) ? `Goal: ${each}` : feat(each).name])} change={(verdict) => set({ verdict })} />
        <Choice label="Film" value={film} any={FILMS.all} options={[["yes", FILMS.yes], ["no", FILMS.no]]} change={(film) => set({ film: film as EpisodesSearch["film"] })} />
        <Choice label="Sort" value={sort === "newest" ? undefined : sort} any={BY.newest.word} options={SORTS.filter((each) => each !== "newest").map((each) => [each, BY[each].word])} change={(sort) => set({ sort: sort as EpisodesSearch["sort"] })} />
        <output className="col-span-2 text-quiet sm:ml-auto">
          {found.length === lines.length ? "" : `${count(found.length)} of `}{count(lines.length)} {lines.length === 1 ? "episode" : "episodes"}
          {more ? " fetched" : ""}
        </output>
      </form>
      {found.length ? (
        <ol className="grid grid-cols-[repeat(auto-fill,minmax(10rem,1fr))] gap-x-3 gap-y-5 sm:grid-cols-[repeat(auto-fill,minmax(12.5rem,1fr))] sm:gap-x-4">
          {found.map((line) => (
            <Card key={line.id} line={line} />
          ))}
        </ol>
      ) : (
        <EmptyState title="None of these">
          <button type="button" className="button text-ink" onClick={() => void navigate({ search: {}, replace: true })}>Show all</button>
        </EmptyState>
      )}
      {more && (
        <div className="mt-8 text-center">
          <button type="button" className="button" disabled={fetching} onClick={more}>{fetching ? "Fetching …" : "Older episodes"}</button>
        </div>
      )}
    </>
  );
}

function Choice({ label, value, any, options, change }: { label: string; value: string | undefined; any: string; options: readonly (readonly [string, string])[]; change: (value: string | undefined) => void }) {
  return (
    <select aria-label={label} className="field max-w-full min-w-0 sm:max-w-48" value={value ?? ""} onChange={(event) => change(event.target.value || undefined)}>
      <option value="">{any}</option>
      {options.map(([key, word]) => (
        <option key={key} value={key}>{word}</option>
      ))}
    </select>
  );
}

function Card({ line }: { line: Line }) {
  return (
    <li>
      <Link to="/episodes/$id" params={{ id: line.id }} className="group block no-underline">
        <span className="screen block group-hover:outline-2 group-hover:outline-accent">
          <img src={partOf(line.id, "thumb")} alt="" loading="lazy" decoding="async" className="pixels block w-full bg-bezel object-contain" style={{ aspectRatio: "10 / 9" }} />
        </span>
        <span className="mt-1.5 flex items-baseline gap-2 px-1">
          <span className="text-lg font-semibold"><span className="sr-only">Return </span>{figure(line.return)}</span>
          <span className="text-xs whitespace-nowrap text-quiet">{count(line.steps)} steps</span>
          {!hasFilm(line) && <span className="ml-auto flex items-center gap-1 text-xs whitespace-nowrap text-quiet"><Icon name="close" size={8} /> no film</span>}
        </span>
        <span className="block truncate px-1 text-xs text-quiet">
          <span className="text-ink">{policyName(line.policy)}</span> · {line.scenario} · seed {line.seed}
        </span>
      </Link>
      <span className="mt-1 flex flex-wrap gap-1 px-1">
        <VerdictCounts line={line} />
        {line.truncated && <Badge>cut off</Badge>}
      </span>
    </li>
  );
}
