/** Episodes: what was played, as a sheet of pictures that the orchestrator sorts and filters. */
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { createLazyRoute, Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { type Line, episodesPage, gameName, hasFilm, namesQuery, partOf, policyName, type Wanted } from "../episode";
import { Icon } from "../icons";
import { goalsQuery, useFeats, VerdictCounts } from "../judged";
import { useKeys } from "../keys";
import { count, figure } from "../numbers";
import { SORTS, type EpisodesSearch } from "../searches";
import { Badge, EmptyState, Loaded, Room } from "../ui";

export const Route = createLazyRoute("/episodes")({ component: Episodes });

const WORDS: Record<(typeof SORTS)[number], string> = {
  newest: "Newest",
  oldest: "Oldest",
  best: "Highest return",
  worst: "Lowest return",
  longest: "Most steps",
  shortest: "Fewest steps",
  noticed: "Most verdicts",
};
const FILMS = { all: "With or without film", yes: "With film", no: "Without film" } as const;
/** So many are fetched at a time; the next ones when the end of those is near. */
const PAGE = 60;
const NEAR = "600px";

const wantedOf = ({ run, game, policy, verdict, film, sort, filter }: EpisodesSearch): Wanted => ({
  ...(run && { run }),
  ...(game && { scenario: game }),
  ...(policy && { policy }),
  ...(verdict && { verdict }),
  ...(film && { video: film === "yes" }),
  ...(sort && { order: sort }),
  ...(filter && { q: filter }),
});

function Episodes() {
  const asked = useSearch({ from: "/episodes" });
  const wanted = wantedOf(asked);
  const query = useInfiniteQuery({
    queryKey: ["episodes", "list", wanted],
    queryFn: ({ pageParam }) => episodesPage({ ...wanted, limit: PAGE, offset: pageParam }),
    initialPageParam: 0,
    getNextPageParam: ({ total }, _, offset) => (offset + PAGE < total ? offset + PAGE : undefined),
    refetchInterval: ({ state }) => (state.data && state.data.pages.length > 1 ? false : 10_000),
    placeholderData: keepPreviousData,
    select: ({ pages }) => ({
      total: pages.at(-1)?.total ?? 0,
      // What came since an earlier page was fetched has moved lines on to the next one.
      lines: [...new Map(pages.flatMap(({ lines }) => lines).map((line) => [line.id, line])).values()],
    }),
  });
  const filtered = Object.keys(wanted).some((name) => name !== "order");
  return (
    <Room title="Episodes" about="What was played, every one kept as a record that can be played again">
      <Loaded query={query} what="episodes">
        {({ total, lines }) =>
          total || filtered ? (
            <>
              <Filters total={total} />
              {lines.length ? <Sheet lines={lines} more={query.hasNextPage ? () => void query.fetchNextPage() : null} fetching={query.isFetchingNextPage} stale={query.isPlaceholderData} /> : <None />}
            </>
          ) : (
            <EmptyState title="No episode yet">
              Play some: <code className="font-mono text-ink">ludus eval potyard --policy random --video</code>
            </EmptyState>
          )
        }
      </Loaded>
    </Room>
  );
}

function Filters({ total }: { total: number }) {
  const navigate = useNavigate({ from: "/episodes" });
  const { run, game, policy, verdict, film, sort, filter = "" } = useSearch({ from: "/episodes" });
  const names = useQuery(namesQuery).data;
  const goals = new Set(useQuery(goalsQuery).data?.map(({ id }) => id));
  const feat = useFeats();
  const field = useRef<HTMLInputElement>(null);
  useKeys([{ keys: "/", does: "Filter episodes", run: () => field.current?.focus() }]);
  const set = (next: EpisodesSearch) => void navigate({ search: (before) => ({ ...before, ...next }), replace: true });
  const plain = (all: readonly string[] | undefined, chosen: string | undefined) => [...new Set([...(all ?? []), ...(chosen ? [chosen] : [])])].map((each) => [each, each] as const);
  const verdicts = plain(names?.verdicts, verdict).map(([id]) => [id, goals.has(id) ? `Goal: ${id}` : feat(id).name] as const);
  return (
    <form role="search" aria-label="Episodes" className="mb-4 grid grid-cols-2 gap-2 sm:flex sm:flex-wrap sm:items-center" onSubmit={(event) => event.preventDefault()}>
      <input ref={field} type="search" className="field col-span-2 sm:w-52" placeholder="Filter: game, seed 3" aria-label="Filter episodes" value={filter} maxLength={200} onChange={(event) => set({ filter: event.target.value || undefined })} />
      <Choice label="Run" value={run} any="Every run" options={plain(names?.runs, run)} change={(run) => set({ run })} />
      <Choice label="Game" value={game} any="Every game" options={plain(names?.scenarios, game).map(([id]) => [id, gameName(id)] as const)} change={(game) => set({ game })} />
      <Choice label="Policy" value={policy} any="Every policy" options={plain(names?.policies, policy)} change={(policy) => set({ policy })} />
      <Choice label="Verdict" value={verdict} any="Any verdict" options={verdicts} change={(verdict) => set({ verdict })} />
      <Choice label="Film" value={film} any={FILMS.all} options={[["yes", FILMS.yes], ["no", FILMS.no]]} change={(film) => set({ film: film as EpisodesSearch["film"] })} />
      <Choice label="Sort" value={sort === "newest" ? undefined : sort} any={WORDS.newest} options={SORTS.filter((each) => each !== "newest").map((each) => [each, WORDS[each]])} change={(sort) => set({ sort: sort as EpisodesSearch["sort"] })} />
      <output className="col-span-2 text-quiet sm:ml-auto">
        {count(total)} {total === 1 ? "episode" : "episodes"}
      </output>
    </form>
  );
}

function None() {
  const navigate = useNavigate({ from: "/episodes" });
  return (
    <EmptyState title="None of these">
      <button type="button" className="button text-ink" onClick={() => void navigate({ search: {}, replace: true })}>Show all</button>
    </EmptyState>
  );
}

function Sheet({ lines, more, fetching, stale }: { lines: readonly Line[]; more: (() => void) | null; fetching: boolean; stale: boolean }) {
  const end = useRef<HTMLDivElement>(null);
  const next = useRef(more);
  next.current = fetching ? null : more;
  useEffect(() => {
    if (!end.current) return;
    const sight = new IntersectionObserver(([entry]) => entry?.isIntersecting && next.current?.(), { rootMargin: NEAR });
    sight.observe(end.current);
    return () => sight.disconnect();
  }, [lines.length]);
  return (
    <>
      <ol aria-busy={stale} className={`sheet gap-y-5 ${stale ? "opacity-60" : ""}`}>
        {lines.map((line) => (
          <Card key={line.id} line={line} />
        ))}
      </ol>
      <div ref={end} className="mt-8 text-center">
        {more && <button type="button" className="button" disabled={fetching} onClick={more}>{fetching ? "Fetching …" : "More episodes"}</button>}
      </div>
    </>
  );
}

/** Without anything to choose between there is nothing to be seen. */
function Choice({ label, value, any, options, change }: { label: string; value: string | undefined; any: string; options: readonly (readonly [string, string])[]; change: (value: string | undefined) => void }) {
  if (options.length < 2 && value === undefined) return null;
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
    <li className="-m-1 p-1 [contain-intrinsic-size:auto_15rem] [content-visibility:auto]">
      <Link to="/episodes/$id" params={{ id: line.id }} className="group block no-underline">
        <span className="screen block group-hover:outline-2 group-hover:outline-accent">
          <img src={partOf(line.id, "thumb")} alt="" loading="lazy" decoding="async" className="pixels block w-full bg-bezel object-contain" style={{ aspectRatio: "10 / 9" }} />
        </span>
        <span className="mt-1.5 flex items-baseline gap-2 px-1">
          <span className="text-lg font-semibold"><span className="sr-only">Return </span>{figure(line.return)}</span>
          <span className="text-xs whitespace-nowrap text-quiet">{count(line.steps)} steps</span>
          {!hasFilm(line) && <span className="ml-auto flex items-center gap-1 text-xs whitespace-nowrap text-quiet"><Icon name="close" size={8} /> no film</span>}
        </span>
        <span className="line-clamp-2 px-1 text-xs text-quiet">
          <span className="text-ink">{policyName(line.policy)}</span> · {gameName(line.scenario)} · seed {line.seed}
        </span>
      </Link>
      <span className="mt-1 flex flex-wrap gap-1 px-1">
        <VerdictCounts line={line} />
        {line.truncated && <Badge>cut off</Badge>}
      </span>
    </li>
  );
}
