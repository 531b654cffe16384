/** A lane's picture among many: asked for only while it can be seen. */
import { useEffect, useRef, useState } from "react";
import { Icon } from "./icons";
import { type LiveWorker, live } from "./live";

const FROZEN_MS = 5_000;
const BEZEL_PX = 6;

/** Gives how wide a picture is shown: about as wide as is usual, every pixel of it by whole pixels of the screen. */
function shownWidth(width: number): number {
  const usual = innerWidth < 640 ? 140 : 160;
  if (width > 2 * usual) return 2 * usual;
  return (width * Math.max(1, Math.floor((usual * devicePixelRatio) / width))) / devicePixelRatio;
}

export const tileWidth = (width: number): number => shownWidth(width) + 2 * BEZEL_PX;

export function Tile({ worker, lane, open }: { worker: LiveWorker; lane: number; open: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const caption = useRef<HTMLSpanElement>(null);
  const [frozen, setFrozen] = useState(false);
  const width = shownWidth(worker.width);

  useEffect(() => {
    const glass = canvas.current?.getContext("bitmaprenderer");
    const probe = new OffscreenCanvas(8, 8).getContext("2d", { willReadFrequently: true });
    if (!button.current || !glass || !probe) return;
    let stop: (() => void) | null = null;
    let [seen, since] = ["", 0];
    const start = () =>
      live.watch(worker.number, lane, (picture, head) => {
        if (!(picture instanceof ImageBitmap)) return;
        probe.drawImage(picture, 0, 0, 8, 8);
        const now = probe.getImageData(0, 0, 8, 8).data.join();
        if (now !== seen) [seen, since] = [now, head.playedMs];
        setFrozen(head.playedMs - since > FROZEN_MS);
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
    <button ref={button} type="button" onClick={open} className="group min-w-0 text-left">
      <span className="screen block group-hover:outline-2 group-hover:outline-accent">
        <canvas ref={canvas} width={worker.width} height={worker.height} className="pixels block" style={{ width, aspectRatio: `${worker.width} / ${worker.height}` }} />
      </span>
      <span className="flex items-center gap-2 px-1 pt-1 text-xs text-quiet">
        <span className="font-medium text-ink">
          <span className="sr-only">{worker.name}, lane </span>
          {lane}
        </span>
        <span ref={caption} aria-hidden className="grow" />
        {frozen && (
          <span className="flex items-center gap-1 text-bad">
            <Icon name="warning" size={8} /> still
          </span>
        )}
      </span>
    </button>
  );
}
