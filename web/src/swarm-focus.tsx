/** One lane in full: every picture of it, as large as whole pixels allow, and kept as a film if you like. */
import { useEffect, useRef, useState } from "react";
import { Icon } from "./icons";
import { useKeys } from "./keys";
import { type Head, type LiveWorker, live } from "./live";
import { figure } from "./numbers";
import { Dialog } from "./ui";

const FILM_LOST_MS = 1_000;
const TOLD_MS = 500;

/** Gives how many screen pixels one pixel of the game is wide. */
function scaleFor({ width, height }: LiveWorker): number {
  const scale = Math.min((innerWidth * 0.9 - 60) / width, (innerHeight - 240) / height);
  return scale >= 1 ? Math.min(Math.floor(scale), 10) : scale;
}

interface Told extends Head {
  film: boolean;
}

export function FocusView({ worker, lane, turn, close }: { worker: LiveWorker; lane: number; turn: (lane: number) => void; close: () => void }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [told, setTold] = useState<Told | null>(null);
  const { recording, toggle } = useRecorder(canvas, `${worker.name}-lane-${lane}`);
  const step = (by: number) => turn((lane + by + worker.lanes) % worker.lanes);
  useKeys([
    { keys: "ArrowLeft", does: "The lane before", run: () => step(-1) },
    { keys: "ArrowRight", does: "The next lane", run: () => step(1) },
    { keys: "c", does: "Begin or end a clip", run: toggle },
  ]);

  useEffect(() => {
    const glass = canvas.current?.getContext("2d");
    if (!glass) return;
    let [filmAt, toldAt] = [0, 0];
    const draw = (picture: ImageBitmap | VideoFrame, head: Head, film: boolean) => {
      glass.drawImage(picture, 0, 0, glass.canvas.width, glass.canvas.height);
      live.shown(head);
      if (Date.now() - toldAt < TOLD_MS) return;
      toldAt = Date.now();
      setTold({ ...head, film });
    };
    const stops = [
      live.focus(worker.number, lane, (picture, head) => {
        filmAt = Date.now();
        draw(picture, head, true);
      }),
      // Tiles stand in where there is no film: before the first key frame, without a decoder, or when others turned away.
      live.watch(worker.number, lane, (picture, head) => Date.now() - filmAt > FILM_LOST_MS && draw(picture, head, false)),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }, [worker.number, lane]);

  return (
    <Dialog title={`${worker.name}, lane ${lane}`} close={close}>
      <div className="screen mx-auto w-fit p-3">
        <canvas ref={canvas} role="img" aria-label={`${worker.game} as ${worker.name} plays it`} width={worker.width} height={worker.height} className="pixels block" style={{ width: worker.width * scaleFor(worker), height: worker.height * scaleFor(worker) }} />
      </div>
      <div className="mt-4 flex flex-wrap items-center gap-x-6 gap-y-3">
        <dl data-median={told ? live.latency(0.5) : undefined} className="flex grow flex-wrap gap-x-6 gap-y-1 text-xs">
          {[
            ["Step", figure(told?.step)],
            ["Delay", told ? `${figure(live.latency(0.5))} ms` : "–"],
            ["Pictures", told ? (told.film ? "H.264" : "JPEG") : "waiting"],
          ].map(([name, value]) => (
            <div key={name} className="flex gap-1.5">
              <dt className="text-quiet">{name}</dt>
              <dd className="font-medium">{value}</dd>
            </div>
          ))}
        </dl>
        <div className="flex gap-2">
          <button type="button" className="button" aria-label="The lane before" onClick={() => step(-1)}>
            <Icon name="left" />
          </button>
          <button type="button" className="button" aria-label="The next lane" onClick={() => step(1)}>
            <Icon name="right" />
          </button>
          <button type="button" className="button" aria-pressed={recording} onClick={toggle}>
            <Icon name="record" size={8} /> {recording ? "End clip" : "Clip"}
          </button>
        </div>
      </div>
    </Dialog>
  );
}

/** Films what a canvas shows, and hands the film to the browser as a download. */
function useRecorder(canvas: React.RefObject<HTMLCanvasElement | null>, name: string) {
  const recorder = useRef<MediaRecorder | null>(null);
  const [recording, setRecording] = useState(false);
  useEffect(() => () => recorder.current?.stop(), [name]);
  const toggle = () => {
    if (recorder.current) {
      recorder.current.stop();
      return;
    }
    if (!canvas.current) return;
    const pieces: Blob[] = [];
    const made = new MediaRecorder(canvas.current.captureStream(30), { videoBitsPerSecond: 4_000_000 });
    made.ondataavailable = ({ data }) => pieces.push(data);
    made.onstop = () => {
      recorder.current = null;
      setRecording(false);
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob(pieces, { type: made.mimeType }));
      link.download = `${name}.${made.mimeType.includes("mp4") ? "mp4" : "webm"}`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    };
    made.start();
    recorder.current = made;
    setRecording(true);
  };
  return { recording, toggle };
}
