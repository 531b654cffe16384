/** A lane's picture among many: asked for only while it can be seen. */
import { type CSSProperties, useEffect, useRef } from "react";
import { Icon } from "./icons";
import { type LiveWorker, live } from "./live";

const BEZEL_PX = 6;

const GAP_PX = 12;
/** What is beside the tiles of a worker: the page's margin, and its panel's. */
const BESIDE_PX = 66;
const WIDEST_PX = 1440;
/** So many lanes are few. */
const FEW = 8;

/** Gives how wide a picture is shown: larger where there are few, every pixel of it by whole pixels of the screen. */
function shownWidth({ width, lanes }: Pick<LiveWorker, "width" | "lanes">): number {
  const usual = innerWidth < 640 ? 140 : lanes <= FEW ? 240 : 160;
  if (width > 2 * usual) return 2 * usual;
  return (width * Math.max(1, Math.floor((usual * devicePixelRatio) / width))) / devicePixelRatio;
}

/** Gives the grid of a worker's tiles: as many in a row as there is room for, and no row much shorter than the others. */
export function tileGrid(worker: LiveWorker): CSSProperties {
  const tile = shownWidth(worker) + 2 * BEZEL_PX;
  const most = Math.max(1, Math.floor((Math.min(innerWidth, WIDEST_PX) - BESIDE_PX + GAP_PX) / (tile + GAP_PX)));
  const columns = Math.ceil(worker.lanes / Math.ceil(worker.lanes / most));
  return { gridTemplateColumns: `repeat(auto-fill, ${tile}px)`, gap: GAP_PX, maxWidth: columns * (tile + GAP_PX) - GAP_PX };
}

export interface Mark {
  hall: "fame" | "shame";
  score: number;
}

interface TileProps {
  worker: LiveWorker;
  lane: number;
  /** What is wrong with the picture, as its worker tells. */
  flag?: string | undefined;
  /** How much there is to see, as its worker tells. */
  mark?: Mark | null;
  /** It stands among few, of several workers perhaps. */
  few?: boolean;
  named?: boolean;
  open: () => void;
}

export function Tile({ worker, lane, flag, mark, few = false, named = false, open }: TileProps) {
  const button = useRef<HTMLButtonElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const caption = useRef<HTMLSpanElement>(null);
  const width = shownWidth(few ? { ...worker, lanes: 1 } : worker);

  useEffect(() => {
    const glass = canvas.current?.getContext("bitmaprenderer");
    if (!button.current || !glass) return;
    let stop: (() => void) | null = null;
    const start = () =>
      live.watch(worker.number, lane, (picture, head) => {
        if (!(picture instanceof ImageBitmap)) return;
        glass.transferFromImageBitmap(picture);
        live.shown(head);
        if (caption.current) caption.current.textContent = `step ${head.step}`;
      });
    const sight = new IntersectionObserver(([entry]) => {
      if (entry?.isIntersecting) stop ??= start();
      else {
        stop?.();
        stop = null;
      }
    });
    sight.observe(button.current);
    return () => {
      sight.disconnect();
      stop?.();
    };
  }, [worker.number, lane]);

  return (
    <button ref={button} type="button" onClick={open} className="group min-w-0 self-start text-left">
      <span className="screen block group-hover:outline-2 group-hover:outline-accent">
        <canvas ref={canvas} width={worker.width} height={worker.height} className="pixels block" style={{ width, aspectRatio: `${worker.width} / ${worker.height}` }} />
      </span>
      <span className="flex flex-wrap items-center gap-x-2 px-1 pt-1 text-xs whitespace-nowrap text-quiet">
        <span className={`font-medium text-ink ${named ? "basis-full truncate" : ""}`}>
          <span className={named ? "" : "sr-only"}>{worker.name}, lane </span>
          {lane}
        </span>
        <span ref={caption} aria-hidden className="grow" />
        {mark && (
          <span className={`flex items-center gap-1 font-medium ${mark.hall === "shame" ? "text-shame" : "text-fame"}`}>
            <Icon name={mark.hall} size={8} /> {mark.hall === "shame" ? "shame" : "hype"} {mark.score.toFixed(1)}
          </span>
        )}
        {flag && (
          <span className="flex items-center gap-1 text-bad">
            <Icon name="warning" size={8} /> {flag}
          </span>
        )}
      </span>
    </button>
  );
}
