/** What is told of an episode in words: verdicts, events, and where its record comes from. */
import { Link } from "@tanstack/react-router";
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { type Line, type StepEvent, partOf, wordsOf } from "./episode";
import { Icon } from "./icons";
import { goalOf, useFeats, VerdictBadge } from "./judged";
import { figure, size } from "./numbers";
import { type Playhead, useShown } from "./playhead";
import { Panel } from "./ui";

const SHOWN_EVENTS = 400;

export function Verdicts({ line, head }: { line: Line; head: Playhead }) {
  const feat = useFeats();
  const shown = useShown(head);
  const unmade = new Set(line.clips.map(({ path, skipped }) => (path ? "" : (skipped ?? "not made"))));
  const noClips = unmade.size === 1 && [...unmade][0];
  return (
    <Panel className="order-3" title="Verdicts" aside={<span className="text-quiet">{line.verdicts.length || "none"}</span>}>
      {noClips && <p className="mb-3 text-quiet">None of them has a clip: {noClips}.</p>}
      {line.verdicts.length ? (
        <ol tabIndex={0} aria-label="Verdicts" className="-my-2 max-h-144 overflow-y-auto">
          {line.verdicts.map((verdict) => {
            const { name, about, hall } = feat(verdict.name);
            const goal = goalOf(verdict);
            const clip = line.clips.find(({ tag }) => tag === verdict.name);
            return (
              <li key={`${verdict.judge} ${verdict.name} ${verdict.step}`} aria-current={verdict.step === shown ? "step" : undefined} className="-mx-2 flex items-center gap-3 rounded-sm border-b border-line px-2 py-2 last:border-0 aria-[current=step]:bg-raised">
                <div className="min-w-0 grow">
                  <p className="flex flex-wrap items-center gap-x-2 gap-y-0.5">
                    <VerdictBadge verdict={verdict} hall={hall} />
                    {goal ? <Link to="/goals/$goal" params={{ goal }} search={{ episode: line.id }} hash={`t=${verdict.step}`} className="font-medium hover:underline">{goal}</Link> : <span className="font-medium">{name}</span>}
                  </p>
                  {about && <p className="text-xs text-quiet">{about}</p>}
                </div>
                <SeekButton step={verdict.step} head={head} />
                {clip && !noClips && <ClipButton clip={clip} head={head} name={name} />}
              </li>
            );
          })}
        </ol>
      ) : (
        <p className="text-quiet">Nothing was noticed in this episode, or nobody looked: judge a run with <code className="font-mono text-ink">--feats</code> and <code className="font-mono text-ink">--goal</code>.</p>
      )}
    </Panel>
  );
}

function SeekButton({ step, head }: { step: number; head: Playhead }) {
  return (
    <button type="button" className="button text-xs" aria-label={`Go to step ${step}`} onClick={() => head.seek(step)}>
      step {step}
    </button>
  );
}

/** A clip is a part of the film, played as fast as its feat wants; one that was not made says why. */
function ClipButton({ clip, head, name }: { clip: Line["clips"][number]; head: Playhead; name: string }) {
  return clip.path ? (
    <button type="button" className="button text-xs" aria-label={`Play the clip of ${name}`} onClick={() => head.playPart(clip.start, clip.end, clip.speed)}>
      <Icon name="play" size={8} /> Clip
    </button>
  ) : (
    <span className="text-xs text-quiet">no clip: {clip.skipped ?? "not made"}</span>
  );
}

export function EventList({ events, head }: { events: readonly StepEvent[]; head: Playhead }) {
  const [counters, setCounters] = useState(false);
  const shown = useShown(head);
  const list = useRef<HTMLOListElement>(null);
  const wanted = useMemo(() => events.filter(({ event_type }) => counters || event_type !== "counter_delta"), [events, counters]);
  const hidden = events.length - events.filter(({ event_type }) => event_type !== "counter_delta").length;
  const near = wanted.findLastIndex(({ step }) => step <= shown);
  // Of very many only those around the cursor are there.
  const first = Math.max(0, Math.min(near - SHOWN_EVENTS / 2, wanted.length - SHOWN_EVENTS));
  useEffect(() => {
    const row = list.current?.children[near - first] as HTMLElement | undefined;
    if (row && list.current) list.current.scrollTop = row.offsetTop - list.current.clientHeight / 2;
  }, [near, first]);
  return (
    <Panel
      className="order-4 min-w-0"
      title="Events"
      aside={
        hidden > 0 && (
          <label className="flex items-center gap-2 text-quiet">
            <input type="checkbox" className="check" checked={counters} onChange={(event) => setCounters(event.target.checked)} />
            {hidden} counters too
          </label>
        )
      }
    >
      {wanted.length ? (
        <ol ref={list} tabIndex={0} aria-label="Events" className="relative -m-2 max-h-72 overflow-y-auto">
          {wanted.slice(first, first + SHOWN_EVENTS).map((event, at) => {
            const { name, rest } = wordsOf(event);
            return (
              <li key={first + at}>
                <button type="button" onClick={() => head.seek(event.step)} aria-current={event.step === shown ? "step" : undefined} className="flex w-full gap-3 rounded-sm px-2 py-1 text-left hover:bg-raised aria-[current=step]:bg-raised">
                  <span className="w-12 shrink-0 text-right text-quiet">{event.step}</span>
                  <span className="shrink-0 font-medium">{name}</span>
                  <span className="min-w-0 grow truncate text-quiet">{rest}</span>
                </button>
              </li>
            );
          })}
        </ol>
      ) : (
        <p className="text-quiet">{events.length ? "Counters alone." : "The game told nothing."}</p>
      )}
    </Panel>
  );
}

export function Provenance({ line }: { line: Line }) {
  const facts: [string, ReactNode][] = [
    ["Policy", line.policy],
    ["Frames", <code key="digest" className="font-mono text-xs break-all">{line.digest}</code>],
    ["Ended", line.terminated ? "by the game" : line.truncated ? "cut off" : "–"],
    ["Recorded", line.timing.finished.replace("T", " ").replace(/\.\d+Z$/, " UTC")],
    ["Film", line.video.codec ? `${line.video.width} × ${line.video.height}, ${line.video.frames} frames, ${figure(line.video.fps)} a second, ${line.video.codec}, ${line.video.renderer}` : "none"],
  ];
  return (
    <Panel className="order-5 min-w-0" title="Record">
      <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-6 gap-y-1">
        {facts.map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-quiet">{name}</dt>
            <dd className="wrap-anywhere">{value}</dd>
          </div>
        ))}
      </dl>
      <ul className="mt-3 flex flex-wrap gap-2">
        {(["video", "trace", "steps", "events"] as const).map((part) => {
          const bytes = part === "video" ? line.video.filesize_bytes : line.files[part]?.filesize_bytes;
          return (
            bytes !== undefined && (
              <li key={part}>
                <a className="button text-xs" href={partOf(line.id, part)} download>
                  {part} <span className="text-quiet">{size(bytes)}</span>
                </a>
              </li>
            )
          );
        })}
      </ul>
      <p className="mt-3 text-quiet">
        <code className="font-mono text-ink">ludus verify</code> plays the record again and compares every frame.
      </p>
    </Panel>
  );
}
