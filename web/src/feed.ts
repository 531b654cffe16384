/** The records of `/ws`, outside React: one socket, its topics, and rings of numbers that do not grow. */
import { Line, type LineState } from "./line";
import { Store } from "./store";

export type Topic = "events" | "metrics" | "unlocks" | "workers";
export type Row = { seq: number } & Record<string, unknown>;

interface Told {
  type: "hello" | "snap" | "d" | "gap" | "pong" | "error";
  epoch?: string;
  topic?: Topic;
  seq?: number;
  to?: number;
  rows?: Row[];
}

export interface Wish {
  /** Runs whose records are heard; all of them without it. */
  runs?: readonly string[];
  /** Of metrics their names, of events their types, of unlocks their feats. */
  keys?: readonly string[];
  maxHz?: number;
  heard(rows: readonly Row[]): void;
  /** Records were left out, or the orchestrator began anew: ask over HTTP for what matters. */
  missed?(): void;
}

/** Hears topics for as long as somebody wishes to, at most once a frame, and not while the page is hidden. */
export class Feed {
  readonly state = new Store<LineState>("closed");
  readonly #line: Line;
  readonly #wishes = new Map<Topic, Set<Wish>>();
  readonly #places = new Map<Topic, number>();
  readonly #waiting: [Topic, readonly Row[]][] = [];
  #epoch = "";
  #frame = 0;

  constructor(path = "/ws") {
    this.#line = new Line(path, {
      opened: () => undefined,
      heard: (message) => typeof message === "string" && this.#heard(JSON.parse(message) as Told),
      changed: (state) => this.state.set(state),
    });
    document.addEventListener("visibilitychange", () => {
      for (const topic of this.#wishes.keys()) this.#ask(topic);
    });
  }

  /** Hears a topic until the function that this gives is called. */
  hear(topic: Topic, wish: Wish): () => void {
    const wishes = this.#wishes.get(topic) ?? new Set();
    this.#wishes.set(topic, wishes.add(wish));
    this.#line.open();
    this.#ask(topic);
    return () => {
      wishes.delete(wish);
      this.#ask(topic);
    };
  }

  #ask(topic: Topic): void {
    const wishes = [...(this.#wishes.get(topic) ?? [])];
    if (!this.#epoch) return;
    if (!wishes.length || document.hidden) {
      this.#line.send({ type: "unsub", topic });
      return;
    }
    const all = (of: "runs" | "keys") => (wishes.every((wish) => wish[of]) ? [...new Set(wishes.flatMap((wish) => wish[of] ?? []))].slice(0, 64) : []);
    const since = topic === "metrics" ? undefined : this.#places.get(topic);
    this.#line.send({ type: "sub", topic, runs: all("runs"), keys: all("keys"), max_hz: Math.max(...wishes.map((wish) => wish.maxHz ?? 10)), ...(since !== undefined && { since }) });
  }

  #heard(told: Told): void {
    if (told.type === "hello") {
      if (this.#epoch && this.#epoch !== told.epoch) {
        this.#places.clear();
        for (const topic of this.#wishes.keys()) this.#missed(topic);
      }
      this.#epoch = told.epoch ?? "";
      for (const topic of this.#wishes.keys()) this.#ask(topic);
    } else if (told.topic && told.type === "snap") {
      this.#places.set(told.topic, told.seq ?? 0);
    } else if (told.topic && told.type === "gap") {
      this.#places.set(told.topic, told.to ?? 0);
      this.#missed(told.topic);
    } else if (told.topic && told.type === "d" && told.rows) {
      this.#places.set(told.topic, told.to ?? 0);
      this.#waiting.push([told.topic, told.rows]);
      this.#frame ||= requestAnimationFrame(() => this.#flush());
    }
  }

  #flush(): void {
    this.#frame = 0;
    for (const [topic, rows] of this.#waiting.splice(0)) {
      for (const wish of this.#wishes.get(topic) ?? []) wish.heard(rows);
    }
  }

  #missed(topic: Topic): void {
    for (const wish of this.#wishes.get(topic) ?? []) wish.missed?.();
  }
}

/** The newest numbers of a curve, in order; the oldest half makes room when it is full. */
export class Ring {
  x: Float64Array;
  y: Float64Array;
  size = 0;

  constructor(capacity: number) {
    this.x = new Float64Array(capacity);
    this.y = new Float64Array(capacity);
  }

  push(x: number, y: number): void {
    if (this.size === this.x.length) {
      const half = this.size >> 1;
      this.x.copyWithin(0, half);
      this.y.copyWithin(0, half);
      this.size -= half;
    }
    this.x[this.size] = x;
    this.y[this.size++] = y;
  }
}

export const feed = new Feed();
