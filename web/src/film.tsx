/** An episode's film behind glass, one frame for each step, and what moves it. */
import { type CSSProperties, type ReactNode, useEffect, useRef } from "react";
import { Icon } from "./icons";
import { useKeys } from "./keys";
import { lasting } from "./numbers";
import { type Playhead, SPEEDS, useShown } from "./playhead";
import { useStore } from "./store";

const FASTEST = 16;
/** Pictures of games that are no wider than so many pixels are shown in whole pixels of the screen. */
const SMALL = 200;

/** Gives the style of a picture so wide: as large as there is room, every pixel of it as large as the others. */
export function wholePixels(width: number, height: number): CSSProperties {
  const by = width / Math.max(1, Math.floor(devicePixelRatio));
  return { width: width > SMALL ? "100%" : `round(down, 100%, ${by}px)`, aspectRatio: `${width} / ${height}`, margin: "0 auto" };
}

/** `frame` hears of every frame that is on the glass, such as to compare it with another picture. */
export function Film({ src, fps, width, height, head, label, frame }: { src: string; fps: number; width: number; height: number; head: Playhead; label: string; frame?: (film: HTMLVideoElement) => void }) {
  const video = useRef<HTMLVideoElement>(null);
  const shown = useShown(head);
  const playing = useStore(head.playing);
  const speed = useStore(head.speed);
  const sought = useStore(head.sought);
  const newest = useRef(frame);
  newest.current = frame;

  useEffect(() => {
    const film = video.current;
    if (film && !playing) film.currentTime = (shown + 0.5) / fps;
  }, [shown, playing, fps, src]);

  useEffect(() => {
    const film = video.current;
    if (!film) return;
    film.playbackRate = Math.min(speed, FASTEST);
    if (!playing) {
      film.pause();
      return;
    }
    const place = (head.at.get() + 0.5) / fps;
    if (Math.abs(film.currentTime - place) > 1 / fps) film.currentTime = place;
    film.play().catch(() => film.isConnected && film.paused && head.pause());
    return () => film.pause();
  }, [playing, speed, sought, fps, head, src]);

  useEffect(() => {
    const film = video.current;
    if (!film) return;
    let asked = film.requestVideoFrameCallback(function seen(_, { mediaTime }) {
      const step = Math.round(mediaTime * fps);
      film.dataset.step = String(step);
      // While another place is sought, the picture is still one of the place before.
      if (!film.paused && !film.seeking) head.played(step);
      newest.current?.(film);
      asked = film.requestVideoFrameCallback(seen);
    });
    return () => film.cancelVideoFrameCallback(asked);
  }, [fps, head, src]);

  return (
    <div className="screen">
      <video
        ref={video}
        src={src}
        aria-label={label}
        muted
        playsInline
        preload="auto"
        onEnded={() => head.played(head.steps - 1)}
        onClick={head.toggle}
        className="pixels block"
        style={wholePixels(width, height)}
      />
    </div>
  );
}

/** Plays an episode that has no film: its cursor moves as its game time does. */
export function useWithoutFilm(head: Playhead, fps: number, off: boolean): void {
  const playing = useStore(head.playing);
  const speed = useStore(head.speed);
  useEffect(() => {
    if (off || !playing) return;
    const timer = setInterval(() => head.played(head.at.get() + 1), 1000 / (fps * speed));
    return () => clearInterval(timer);
  }, [head, fps, off, playing, speed]);
}

export function Transport({ head, stepSeconds, children }: { head: Playhead; stepSeconds: number; children?: ReactNode }) {
  const shown = useShown(head);
  const playing = useStore(head.playing);
  const speed = useStore(head.speed);
  const faster = (by: number) => head.choose(SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, SPEEDS.findIndex((each) => each >= head.speed.get()) + by))] ?? 1);
  useKeys([
    { keys: "Space", does: "Play or stop", run: head.toggle },
    { keys: ",", does: "One step back", run: () => head.by(-1) },
    { keys: ".", does: "One step on", run: () => head.by(1) },
    { keys: "<", does: "Ten steps back", run: () => head.by(-10) },
    { keys: ">", does: "Ten steps on", run: () => head.by(10) },
    { keys: "Home", does: "To the first step", run: () => head.seek(0) },
    { keys: "End", does: "To the last step", run: () => head.seek(head.steps - 1) },
    { keys: "-", does: "Slower", run: () => faster(-1) },
    { keys: "+", does: "Faster", run: () => faster(1) },
  ]);
  return (
    <div className="flex flex-wrap items-center gap-2">
      <button type="button" className="button" aria-label="One step back" onClick={() => head.by(-1)}>
        <Icon name="left" />
      </button>
      <button type="button" className="button justify-center sm:w-20" aria-pressed={playing} aria-label={playing ? "Stop" : "Play"} onClick={head.toggle}>
        <Icon name={playing ? "stop" : "play"} /> <span className="hidden sm:inline">{playing ? "Stop" : "Play"}</span>
      </button>
      <button type="button" className="button" aria-label="One step on" onClick={() => head.by(1)}>
        <Icon name="right" />
      </button>
      <label className="flex items-center gap-1.5 text-quiet">
        <span className="sr-only">Speed</span>
        <select className="field" value={speed} onChange={(event) => head.choose(Number(event.target.value))}>
          {[...new Set([...SPEEDS, speed])].sort((a, b) => a - b).map((each) => (
            <option key={each} value={each}>{each} ×</option>
          ))}
        </select>
      </label>
      <output aria-label="Step" className="ml-auto text-right whitespace-nowrap">
        <span className="text-lg font-semibold">{shown}</span> <span className="text-quiet">of {head.steps - 1} · {lasting((shown + 1) * stepSeconds)}</span>
      </output>
      {children}
    </div>
  );
}
