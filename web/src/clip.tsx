/** An unlock on the wall: its clip, which plays while it is pointed at or has the keyboard, or why there is none. */
import { Link } from "@tanstack/react-router";
import { type ReactNode, useEffect, useRef, useState } from "react";
import type { Unlock } from "./api";
import { policyName } from "./episode";
import { Icon, type IconName } from "./icons";
import { ago, figure } from "./numbers";
import { Badge, HallBadge, Tip } from "./ui";

/** What `Unlock` holds beyond its named fields, as feats of this house tell it. */
export type UnlockMore = Unlock & { tick?: number; points?: number; stage?: string; biome?: string | null; clip?: { speed?: number } };

const STATES: Record<string, { word: string; icon: IconName; about: string }> = {
  pending: { word: "Pending", icon: "record", about: "Its worker has yet to make the clip." },
  skipped: { word: "Skipped", icon: "close", about: "No clip was made." },
  failed: { word: "Failed", icon: "warning", about: "The clip could not be made." },
  rerenderable: { word: "Can be rendered", icon: "runs", about: "Its worker is silent; the clip can be made from the record of the episode." },
  none: { word: "No clip", icon: "close", about: "The feat asks for none." },
};

export const stateOf = ({ clip_status, clip_url }: Unlock): string => (clip_status === "ready" && !clip_url ? "failed" : (clip_status ?? "none"));

export function ClipCard({ unlock, linked, speed, of }: { unlock: UnlockMore; linked: boolean; speed: number; of?: ReactNode }) {
  const state = stateOf(unlock);
  const where = [policyName(unlock.instance_id), unlock.biome, unlock.ts && ago(unlock.ts)].filter(Boolean);
  return (
    <li className="flex flex-col">
      {state === "ready" ? <Playing unlock={unlock} speed={speed} /> : <Lacking unlock={unlock} state={state} />}
      <h3 className="mt-1.5 px-1 font-semibold">{unlock.name}</h3>
      <p className="truncate px-1 text-xs text-quiet">{where.join(" · ")}</p>
      <div className="mt-1 flex flex-wrap items-center gap-1 px-1">
        <HallBadge hall={unlock.hall} />
        <Badge>{unlock.tier}</Badge>
        {unlock.score !== null && unlock.score !== undefined && <Badge>score {figure(unlock.score)}</Badge>}
        {state === "ready" && (unlock.clip?.speed ?? 1) !== 1 && <Badge>{figure(unlock.clip?.speed)} ×</Badge>}
        {of}
      </div>
      {linked && (
        <Link to="/episodes/$id" params={{ id: `${unlock.run_id}:${unlock.episode_id}` }} hash={unlock.tick === undefined ? "" : `tick=${unlock.tick}`} className="mt-1 w-fit px-1 text-xs text-accent hover:underline">
          In its episode<span className="sr-only">, {unlock.name}</span>
        </Link>
      )}
    </li>
  );
}

function Playing({ unlock, speed }: { unlock: UnlockMore; speed: number }) {
  const film = useRef<HTMLVideoElement>(null);
  const [playing, setPlaying] = useState(false);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    if (!film.current) return;
    film.current.playbackRate = speed;
    if (playing) film.current.play().catch(() => setPlaying(false));
    else if (film.current.currentTime) film.current.load(); // back to its poster
  }, [playing, speed]);
  const begin = () => {
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) setPlaying(true);
  };
  if (failed) return <Lacking unlock={{ ...unlock, reason: { code: "unplayable", detail: "the film is there, but this browser does not play it" } }} state="failed" />;
  return (
    <button
      type="button"
      aria-label={`${playing ? "Stop" : "Play"} the clip of ${unlock.name}`}
      aria-pressed={playing}
      className="group screen relative block w-full text-left hover:outline-2 hover:outline-accent"
      onPointerEnter={(event) => event.pointerType === "mouse" && begin()}
      onPointerLeave={(event) => event.pointerType === "mouse" && setPlaying(false)}
      onFocus={(event) => event.currentTarget.matches(":focus-visible") && begin()}
      onBlur={() => setPlaying(false)}
      onClick={() => setPlaying((was) => !was)}
    >
      <video
        ref={film}
        src={unlock.clip_url ?? undefined}
        poster={unlock.poster_url ?? undefined}
        muted
        loop
        playsInline
        preload={unlock.poster_url ? "none" : "metadata"}
        tabIndex={-1}
        onError={() => setFailed(true)}
        className="pixels block w-full bg-bezel object-contain"
        style={{ aspectRatio: "10 / 9" }}
      />
      {!playing && (
        <span className="absolute right-2.5 bottom-2.5 flex size-7 items-center justify-center rounded-md bg-bezel text-[#ece5d0]">
          <Icon name="play" />
        </span>
      )}
    </button>
  );
}

function Lacking({ unlock, state }: { unlock: Unlock; state: string }) {
  const { word, icon, about } = STATES[state] ?? { word: state, icon: "warning", about: "" };
  const { code, detail } = (unlock.reason ?? {}) as { code?: string; detail?: string };
  return (
    <div className="flex w-full flex-col items-center justify-center gap-1.5 overflow-hidden rounded-md border border-dashed border-line p-3 text-center" style={{ aspectRatio: "10 / 9" }}>
      <span className={state === "failed" ? "text-bad" : "text-quiet"}>
        <Icon name={icon} size={24} />
      </span>
      <p className="font-medium">
        {word} {code && <code className="font-mono text-xs font-normal text-quiet">{code}</code>}
      </p>
      <Tip text={detail ?? about}>
        <p tabIndex={0} className="line-clamp-3 text-xs text-quiet">{detail ? `${detail[0]?.toUpperCase()}${detail.slice(1)}` : about}</p>
      </Tip>
    </div>
  );
}
