/** A goal's template, a frame, and where they differ. */
import { useEffect, useRef, useState } from "react";
import { wholePixels } from "./film";
import { type Goal, templateOf } from "./judged";
import { difference, distanceOf, HEIGHT, shadesAt, WIDTH } from "./match";

/** What is shown of no, little, much and most difference: the frame itself, faint, then lighter and lighter. */
const HEAT = ["#000000", "#7a4a12", "#e0842a", "#ffe08a"] as const;
const FAINT = [52, 38, 24, 12] as const;
const KEPT = 512;

const pictures = new Map<string, Promise<Uint8Array>>();

/** Gives the shades of a picture, fetched once. */
function shades(address: string): Promise<Uint8Array> {
  const known = pictures.get(address) ?? shadesAt(address);
  pictures.delete(address);
  pictures.set(address, known);
  if (pictures.size > KEPT) pictures.delete(pictures.keys().next().value as string);
  known.catch(() => pictures.delete(address));
  return known;
}

export interface Framed {
  frame: Uint8Array;
  differences: Uint8Array;
  /** The template that is nearest, of so many. */
  number: number;
  templates: number;
  distance: number;
}

/** Gives a step's frame beside the nearest template; null until both are there. */
export function useFrame(episode: string, goal: Goal, step: number): Framed | null {
  const [found, setFound] = useState<Framed | null>(null);
  const templates = Number(goal.meta?.templates ?? 1);
  useEffect(() => {
    let wanted = true;
    const at = (step: number) => shades(`/episodes/${encodeURIComponent(episode)}/frames/${step}`);
    const all = [at(step), ...Array.from({ length: templates }, (_, number) => shades(templateOf(goal.id, number)))];
    void Promise.all(all).then(
      ([frame, ...wished]) => {
        if (!wanted || !frame) return;
        const near = wished.map((template, number) => ({ number, differences: difference(frame, template) })).map((each) => ({ ...each, distance: distanceOf(each.differences) }));
        const nearest = near.reduce((best, each) => (each.distance < best.distance ? each : best));
        setFound({ frame, templates, ...nearest });
      },
      () => wanted && setFound(null),
    );
    return () => {
      wanted = false;
    };
  }, [episode, goal, templates, step]);
  return found;
}

export function Template({ goal, number }: { goal: Goal; number: number }) {
  return (
    <div className="screen">
      <img src={templateOf(goal.id, number)} alt={`Template ${number + 1} of ${goal.id}`} className="pixels block" style={wholePixels(WIDTH, HEIGHT)} />
    </div>
  );
}

export function HeatMap({ frame }: { frame: Framed | null }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const glass = canvas.current?.getContext("2d");
    if (!glass || !frame) return;
    const picture = glass.createImageData(WIDTH, HEIGHT);
    frame.differences.forEach((much, pixel) => {
      const faint = FAINT[frame.frame[pixel] ?? 0] ?? 0;
      const heat = Number.parseInt((HEAT[much] ?? HEAT[0]).slice(1), 16);
      const colour = much ? [heat >> 16, (heat >> 8) & 255, heat & 255] : [faint, faint, faint];
      picture.data.set([...colour, 255], 4 * pixel);
    });
    glass.putImageData(picture, 0, 0);
  }, [frame]);
  return (
    <>
      <div className="screen">
        <canvas ref={canvas} width={WIDTH} height={HEIGHT} role="img" aria-label={frame ? `Where the frame differs from the template, ${frame.distance.toFixed(4)} in all` : "Where the frame differs"} data-distance={frame?.distance} className="pixels block" style={wholePixels(WIDTH, HEIGHT)} />
      </div>
      <ul aria-label="Difference in shades" className="mt-2 flex flex-wrap gap-x-3 text-xs text-quiet">
        {HEAT.map((colour, much) => (
          <li key={colour} className="flex items-center gap-1">
            <span aria-hidden className="size-3 border border-line" style={{ background: much ? colour : "#262626" }} /> {much}
          </li>
        ))}
        <li className="sm:ml-auto">shades apart</li>
      </ul>
    </>
  );
}
