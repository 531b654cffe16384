/** The one place in an episode that its film, curves, strips and lists share. */
import { Store, useStore } from "./store";

const SPEED = "ludus.speed";
export const SPEEDS = [0.25, 0.5, 1, 2, 4, 8, 16] as const;

export class Playhead {
  readonly steps: number;
  /** The step that was sought, or that is played. */
  readonly at: Store<number>;
  /** The step that is pointed at: shown for as long as it is, while nothing plays. */
  readonly pointed = new Store<number | null>(null);
  readonly playing = new Store(false);
  readonly speed = new Store(Number(localStorage.getItem(SPEED)) || 4);
  /** How often a step was sought. */
  readonly sought = new Store(0);
  /** The step at which playing ends. */
  #until: number;
  #usualSpeed: number | null = null;

  constructor(steps: number, at = 0) {
    this.steps = steps;
    this.#until = steps;
    this.at = new Store(this.#within(at));
  }

  seek = (step: number): void => {
    this.pause();
    this.pointed.set(null);
    this.at.set(this.#within(step));
    this.sought.set(this.sought.get() + 1);
  };

  by = (steps: number): void => this.seek(this.at.get() + steps);

  point = (step: number | null): void => this.pointed.set(step === null ? null : this.#within(step));

  toggle = (): void => {
    if (this.playing.get()) {
      this.pause();
      return;
    }
    if (this.at.get() >= this.steps - 1) this.at.set(0);
    this.#until = this.steps;
    this.playing.set(this.steps > 1);
  };

  /** Plays steps from one to before another, as fast as that part wants. */
  playPart(from: number, to: number, speed: number): void {
    this.seek(from);
    this.#until = Math.min(to, this.steps);
    this.#usualSpeed ??= this.speed.get();
    this.speed.set(Math.max(speed, this.#usualSpeed));
    this.playing.set(true);
  }

  /** Takes note of the step that is played. A fast film may have shown a step beyond the last one that was wanted. */
  played(step: number): void {
    if (!this.playing.get()) return;
    this.at.set(this.#within(Math.min(step, this.#until - 1)));
    if (step >= this.#until - 1) this.pause();
  }

  pause(): void {
    this.playing.set(false);
    if (this.#usualSpeed !== null) this.speed.set(this.#usualSpeed);
    this.#usualSpeed = null;
  }

  choose(speed: number): void {
    this.#usualSpeed = null;
    this.speed.set(speed);
    localStorage.setItem(SPEED, String(speed));
  }

  #within(step: number): number {
    return Math.max(0, Math.min(Math.round(step) || 0, this.steps - 1));
  }
}

/** Gives the step that is shown now. */
export function useShown(head: Playhead): number {
  const at = useStore(head.at);
  const pointed = useStore(head.pointed);
  const playing = useStore(head.playing);
  return playing ? at : (pointed ?? at);
}
