/** The step that an address names: `#t=STEP`, or `#tick=TICK` where only game time is known. */
import { useLocation } from "@tanstack/react-router";
import { useEffect } from "react";
import { stepAt } from "./episode";
import type { Playhead } from "./playhead";

const PAUSE_MS = 150;

/** Keeps the address and the cursor at one step; `ticks` are those of game time after each step. */
export function useLinkedStep(head: Playhead, ticks?: ArrayLike<number>): void {
  const hash = useLocation({ select: (place) => place.hash });
  useEffect(() => {
    const { t, tick } = /^(?:t=(?<t>\d+)|tick=(?<tick>\d+))$/.exec(hash)?.groups ?? {};
    const step = t !== undefined ? Number(t) : tick !== undefined && ticks ? stepAt(ticks, Number(tick)) : null;
    if (step !== null && step !== head.at.get() && !head.playing.get()) head.seek(step);
  }, [hash, head, ticks]);
  useEffect(() => {
    let timer = 0;
    const write = () => {
      clearTimeout(timer);
      timer = window.setTimeout(() => head.playing.get() || history.replaceState(history.state, "", `#t=${head.at.get()}`), PAUSE_MS);
    };
    const unwatch = [head.at.watch(write), head.playing.watch(write)];
    return () => {
      clearTimeout(timer);
      for (const stop of unwatch) stop();
    };
  }, [head]);
}
