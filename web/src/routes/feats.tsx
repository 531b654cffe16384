/** Feats: what there is to be noticed, how rare it is, how near it is, and what could never be. */
import { useQuery } from "@tanstack/react-query";
import { createLazyRoute, Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useRef } from "react";
import { policyName } from "../episode";
import { Boards, Recent, Validation } from "../feat-panels";
import { Icon } from "../icons";
import { type Feat, featsQuery, progressQuery, validationQuery } from "../judged";
import { useKeys } from "../keys";
import { count, share } from "../numbers";
import type { FeatsSearch } from "../searches";
import { Badge, EmptyState, Loaded, Panel, Room } from "../ui";

export const Route = createLazyRoute("/feats")({ component: Feats });

/** Of a feat as its file tells it: see `src/ludus/feats/feats.schema.json`. */
type Full = Feat & { description: string; tier: string; hall: string; points: number; hidden: boolean; scope: string; predicate: unknown };

const ALMOST = 6;

function Feats() {
  const feats = useQuery(featsQuery);
  return (
    <Room
      title="Feats"
      about="What there is to be noticed, by rules over what games tell"
      actions={
        <>
          <Link to="/hall/$hall" params={{ hall: "fame" }} className="button">
            <span className="text-fame"><Icon name="fame" /></span> Hall of Fame
          </Link>
          <Link to="/hall/$hall" params={{ hall: "shame" }} className="button">
            <span className="text-shame"><Icon name="shame" /></span> Hall of Shame
          </Link>
        </>
      }
    >
      <Loaded
        query={feats}
        what="feats"
        empty={
          <EmptyState title="No feats">
            Begin the orchestrator with some: <code className="font-mono text-ink">ludus serve --feats configs/feats.potyard.json</code>
          </EmptyState>
        }
      >
        {(all) => (
          <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_22rem]">
            <div className="flex min-w-0 flex-col gap-4">
              <Score feats={all as Full[]} />
              <Collection feats={all as Full[]} />
            </div>
            <div className="flex min-w-0 flex-col gap-4">
              <Recent />
              <Almost feats={all as Full[]} />
              <Boards />
              <Validation />
            </div>
          </div>
        )}
      </Loaded>
    </Room>
  );
}

const unlocked = ({ unlocks }: Feat) => unlocks > 0;

function Score({ feats }: { feats: readonly Full[] }) {
  const points = (some: readonly Full[]) => some.reduce((sum, feat) => sum + feat.points, 0);
  const got = feats.filter(unlocked);
  const figures = [
    [`${got.length} of ${feats.length}`, "feats unlocked"],
    [`${count(points(got))} of ${count(points(feats))}`, "points"],
    [count(feats.reduce((sum, feat) => sum + feat.unlocks, 0)), "unlocks"],
  ];
  return (
    <dl className="grid grid-cols-3 gap-4 rounded-md border border-line bg-panel p-4">
      {figures.map(([value, word]) => (
        <div key={word} className="flex flex-col-reverse">
          <dt className="text-xs text-quiet">{word}</dt>
          <dd className="text-base font-semibold whitespace-nowrap sm:text-lg">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Collection({ feats }: { feats: readonly Full[] }) {
  const navigate = useNavigate({ from: "/feats" });
  const { hall, tier, only, filter = "" } = useSearch({ from: "/feats" });
  const field = useRef<HTMLInputElement>(null);
  useKeys([{ keys: "/", does: "Filter feats", run: () => field.current?.focus() }]);
  const set = (next: FeatsSearch) => void navigate({ search: (before) => ({ ...before, ...next }), replace: true });
  const progress = useMost();
  const lacking = new Map((useQuery(validationQuery).data?.unreachable ?? []).map((told) => [String(told.feat_id), told]));
  const found = feats.filter(
    (feat) =>
      (!hall || feat.hall === hall) &&
      (!tier || feat.tier === tier) &&
      (!only || unlocked(feat) === (only === "unlocked")) &&
      `${feat.id} ${feat.name} ${feat.hidden ? "" : feat.description}`.toLowerCase().includes(filter.toLowerCase()),
  );
  return (
    <>
      <form role="search" aria-label="Feats" className="grid grid-cols-2 gap-2 sm:flex sm:flex-wrap" onSubmit={(event) => event.preventDefault()}>
        <input ref={field} type="search" className="field col-span-2 sm:w-52" placeholder="Filter feats" aria-label="Filter feats" value={filter} onChange={(event) => set({ filter: event.target.value || undefined })} />
        <select aria-label="Hall" className="field" value={hall ?? ""} onChange={(event) => set({ hall: (event.target.value || undefined) as FeatsSearch["hall"] })}>
          <option value="">Both halls</option>
          <option value="fame">Fame</option>
          <option value="shame">Shame</option>
        </select>
        <select aria-label="Tier" className="field" value={tier ?? ""} onChange={(event) => set({ tier: event.target.value || undefined })}>
          <option value="">Every tier</option>
          {[...new Set(feats.map((feat) => feat.tier))].map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
        <select aria-label="Unlocked" className="field" value={only ?? ""} onChange={(event) => set({ only: (event.target.value || undefined) as FeatsSearch["only"] })}>
          <option value="">Unlocked or not</option>
          <option value="unlocked">Unlocked</option>
          <option value="locked">Not yet</option>
        </select>
      </form>
      {(["fame", "shame"] as const).map((each) => {
        const some = found.filter((feat) => feat.hall === each).sort((a, b) => Number(unlocked(b)) - Number(unlocked(a)) || (b.rarity ?? 0) - (a.rarity ?? 0));
        return (
          some.length > 0 && (
            <section key={each} aria-labelledby={`feats-${each}`}>
              <h2 id={`feats-${each}`} className="mt-2 mb-3 flex items-center gap-2 font-pixel text-lg">
                <span className={each === "fame" ? "text-fame" : "text-shame"}><Icon name={each} size={24} /></span>
                {each === "fame" ? "Fame" : "Shame"}
                <span className="font-sans text-sm text-quiet">{some.filter(unlocked).length} of {some.length}</span>
              </h2>
              <ul className="grid gap-3 sm:grid-cols-2 xl:grid-cols-3">
                {some.map((feat) => (
                  <FeatCard key={feat.id} feat={feat} progress={progress.get(feat.id)} lacking={lacking.get(feat.id)} />
                ))}
              </ul>
            </section>
          )
        );
      })}
      {found.length === 0 && <EmptyState title="No feat like that" />}
    </>
  );
}

function FeatCard({ feat, progress, lacking }: { feat: Full; progress: Near | undefined; lacking: Record<string, unknown> | undefined }) {
  const got = unlocked(feat);
  const secret = feat.hidden && !got;
  const hall = feat.hall === "shame" ? "shame" : "fame";
  return (
    <li className={`flex gap-3 rounded-md border bg-panel p-3 ${got ? "border-line" : "border-dashed border-line"}`}>
      <span className={`pt-0.5 ${got ? (hall === "shame" ? "text-shame" : "text-fame") : "text-quiet opacity-60"}`}>
        <Icon name={hall} size={32} />
      </span>
      <div className="flex min-w-0 grow flex-col">
        <h3 className="font-semibold">
          {got ? (
            <Link to="/hall/$hall" params={{ hall }} search={{ feat: feat.id }} className="hover:underline">{feat.name}</Link>
          ) : secret ? "A secret" : feat.name}
        </h3>
        <p className="text-xs text-quiet">{secret ? "It shows when it is unlocked." : feat.description || wordsOf(feat.predicate)}</p>
        <p className="mt-auto flex flex-wrap items-center gap-x-2 gap-y-1 pt-2 text-xs">
          <Badge>{feat.tier}</Badge>
          {feat.points > 0 && <span className="text-quiet">{feat.points} {feat.points === 1 ? "point" : "points"}</span>}
          {got ? (
            <span className="ml-auto text-right">
              {feat.rarity === null || feat.rarity === undefined ? "" : `${share(feat.rarity)} of runs, `}
              {feat.unlocks} {feat.unlocks === 1 ? "time" : "times"}
            </span>
          ) : (
            <span className="ml-auto text-quiet">not yet</span>
          )}
        </p>
        {!got && progress && progress.share > 0 && !secret && <Bar share={progress.share} label={`${feat.name}, nearest so far`} />}
        {lacking && !got && (
          <p className="mt-1 flex items-center gap-1 text-xs text-bad">
            <Icon name="warning" size={8} /> Nobody tells what it needs
          </p>
        )}
      </div>
    </li>
  );
}

/** Gives a predicate in words, for feats that nobody has described. */
function wordsOf(predicate: unknown): string {
  const [counter, least] = (predicate as { counter_gte?: [string, number] }).counter_gte ?? [];
  if (counter !== undefined) return `${counter.replace(/_/g, " ")}: ${least} or more`;
  return JSON.stringify(predicate).replace(/[[\]{}"]/g, " ").replace(/_/g, " ").replace(/\s+/g, " ").replace(/ ([,:])/g, "$1").trim();
}

function Bar({ share: done, label }: { share: number; label: string }) {
  return (
    <div role="meter" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(done * 100)} className="mt-1.5 h-2 overflow-hidden rounded-sm bg-raised">
      <div className="h-full bg-accent" style={{ width: `${done * 100}%` }} />
    </div>
  );
}

interface Near {
  share: number;
  who: string;
}

/** Gives, by feat, who has come nearest to it in an episode under way, short of all of it. */
function useMost(): ReadonlyMap<string, Near> {
  const { data } = useQuery(progressQuery);
  return useMemo(() => {
    const most = new Map<string, Near>();
    for (const { instance_id, worker, progress } of data ?? []) {
      for (const [feat, done] of Object.entries(progress)) {
        if (done < 1 && done > (most.get(feat)?.share ?? 0)) most.set(feat, { share: done, who: policyName(instance_id) || worker });
      }
    }
    return most;
  }, [data]);
}

function Almost({ feats }: { feats: readonly Full[] }) {
  const most = useMost();
  const near = feats
    .flatMap((feat) => (most.has(feat.id) && !(feat.hidden && !unlocked(feat)) ? [{ feat, ...(most.get(feat.id) as Near) }] : []))
    .sort((a, b) => b.share - a.share)
    .slice(0, ALMOST);
  return (
    <Panel title="Almost there">
      {near.length ? (
        <ul className="flex flex-col gap-3">
          {near.map(({ feat, share: done, who }) => (
            <li key={feat.id}>
              <p className="flex items-baseline gap-2">
                <span className="grow font-medium">{feat.name}</span>
                <span className="text-xs text-quiet">{who}</span>
                <span className="w-10 text-right">{share(done)}</span>
              </p>
              <Bar share={done} label={feat.name} />
            </li>
          ))}
        </ul>
      ) : (
        <p className="text-quiet">Nobody who plays now is on the way to one.</p>
      )}
    </Panel>
  );
}
