/** What stands beside feats: the newest unlocks, who is best, and what could never be unlocked. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Unlock } from "./api";
import { stateOf } from "./clip";
import { policyName } from "./episode";
import { Icon } from "./icons";
import { boardsQuery, unlocksQuery, useFeats, useFolders, validationQuery } from "./judged";
import { ago, figure } from "./numbers";
import { Badge, Loaded, Panel } from "./ui";

export function Recent() {
  const unlocks = useQuery(unlocksQuery);
  const folders = useFolders();
  return (
    <Panel title="Recent unlocks">
      <Loaded query={unlocks} what="unlocks" empty={<p className="text-quiet">None yet.</p>}>
        {(all) => (
          <ol className="-my-2">
            {all.toReversed().map((unlock) => (
              <li key={unlock.id} className="flex items-center gap-3 border-b border-line py-2 last:border-0">
                <span className={unlock.hall === "shame" ? "text-shame" : "text-fame"}>
                  <Icon name={unlock.hall === "shame" ? "shame" : "fame"} size={24} label={unlock.hall} />
                </span>
                <span className="min-w-0 grow">
                  <Link to="/hall/$hall" params={{ hall: unlock.hall === "shame" ? "shame" : "fame" }} search={{ feat: unlock.feat_id }} className="block truncate font-medium hover:underline">{unlock.name}</Link>
                  <span className="block truncate text-xs text-quiet">
                    {policyName(unlock.instance_id)}{unlock.ts ? `, ${ago(unlock.ts)}` : ""}{stateOf(unlock) === "ready" ? "" : `, clip ${stateOf(unlock)}`}
                  </span>
                </span>
                <EpisodeLink unlock={unlock} folders={folders} />
              </li>
            ))}
          </ol>
        )}
      </Loaded>
    </Panel>
  );
}

function EpisodeLink({ unlock, folders }: { unlock: Pick<Unlock, "run_id" | "episode_id" | "name"> & { tick?: number }; folders: ReadonlySet<string> }) {
  if (!folders.has(unlock.run_id) || !unlock.episode_id) return null;
  return (
    <Link to="/episodes/$id" params={{ id: `${unlock.run_id}:${unlock.episode_id}` }} hash={unlock.tick === undefined ? "" : `tick=${unlock.tick}`} className="button text-xs" aria-label={`Episode of ${unlock.name}`}>
      <Icon name="episodes" />
    </Link>
  );
}

interface BoardRow {
  instance_id: string;
  score: number;
  run_id: string;
  episode_id: string;
  tick: number;
}

export function Boards() {
  const boards = useQuery(boardsQuery);
  const feat = useFeats();
  const folders = useFolders();
  const filled = Object.entries(boards.data ?? {}).filter(([, rows]) => rows.length);
  return (
    <Panel title="Leaderboards">
      {filled.length ? (
        <div className="flex flex-col gap-4">
          {filled.map(([id, rows]) => (
            <section key={id} aria-label={feat(id).name}>
              <h3 className="font-medium">{feat(id).name}</h3>
              <p className="text-xs text-quiet">{feat(id).about}</p>
              <ol className="mt-1">
                {(rows as unknown as BoardRow[]).slice(0, 5).map((row, place) => (
                  <li key={row.instance_id} className="flex items-center gap-3 py-1">
                    <span className="w-4 text-right text-quiet">{place + 1}</span>
                    <span className="grow truncate">{policyName(row.instance_id)}</span>
                    <span className="font-semibold">{figure(row.score)}</span>
                    <EpisodeLink unlock={{ ...row, name: `${feat(id).name}, ${policyName(row.instance_id)}` }} folders={folders} />
                  </li>
                ))}
              </ol>
            </section>
          ))}
        </div>
      ) : (
        <p className="text-quiet">No feat that keeps the best has been unlocked.</p>
      )}
    </Panel>
  );
}

const LACKS = { missing_events: "events", missing_payload_keys: "keys", missing_counters: "counters" } as const;

export function Validation() {
  const validation = useQuery(validationQuery);
  return (
    <Panel title="Can they be unlocked?" aside={validation.data && (validation.data.ok ? <Badge tone="good" icon="good">all</Badge> : <Badge tone="bad" icon="warning">{validation.data.unreachable.length} not</Badge>)}>
      <Loaded query={validation} what="what is missing">
        {({ ok, unreachable, notes }) => (
          <>
            {ok ? (
              <p className="text-quiet">All that the feats need to be told is told.</p>
            ) : (
              <ul className="flex max-h-96 flex-col gap-2 overflow-y-auto" tabIndex={0} aria-label="What is missing">
                {unreachable.map((told) => (
                  <li key={String(told.feat_id)}>
                    <p className="font-medium">{String(told.name)}</p>
                    <p className="text-xs text-quiet">
                      nobody tells{" "}
                      {Object.entries(LACKS)
                        .filter(([key]) => (told[key] as string[]).length)
                        .map(([key, word]) => `the ${word} ${(told[key] as string[]).join(", ")}`)
                        .join("; ")}
                    </p>
                  </li>
                ))}
              </ul>
            )}
            {notes.map((note) => (
              <p key={note} className="mt-3 text-xs text-quiet">{note[0]?.toUpperCase()}{note.slice(1)}.</p>
            ))}
          </>
        )}
      </Loaded>
    </Panel>
  );
}
