/** Pictures of workers as they play, from `/live`: tiles as JPEG, the lane in focus as H.264. Outside React. */
import { Line, type LineState } from "./line";
import { Store } from "./store";

export interface LiveWorker {
  number: number;
  name: string;
  lanes: number;
  width: number;
  height: number;
  /** Steps a second of one lane in game time. */
  fps: number;
  role: string | null;
  game: string;
}

/** What the 24 bytes before a picture tell. */
export interface Head {
  kind: number;
  worker: number;
  lane: number;
  /** Steps that the worker has played. */
  frame: number;
  playedMs: number;
  /** Of the lane's episode. */
  step: number;
}

export type Show = (picture: ImageBitmap | VideoFrame, head: Head) => void;

const HEAD_BYTES = 24;
const TILES_HZ = 10;
const MOST_TILES = 256;
const [JPEG, KEY, , DESCRIPTION] = [0, 1, 2, 3];
const RATE_MS = 1_000;
const MEASURED = 512;
const MOST_UNDECODED = 30;

export function readHead(message: ArrayBuffer): Head {
  const view = new DataView(message);
  return {
    kind: view.getUint8(1),
    lane: view.getUint16(2, true),
    frame: view.getUint32(4, true),
    playedMs: view.getFloat64(8, true),
    step: view.getUint32(16, true),
    worker: view.getUint16(20, true),
  };
}

/** One place where a lane is shown: it decodes one picture at a time, and of those that come meanwhile only the newest. */
class Tile {
  readonly worker: number;
  readonly lane: number;
  readonly #show: Show;
  #next: ArrayBuffer | null = null;
  #busy = false;

  constructor(worker: number, lane: number, show: Show) {
    [this.worker, this.lane, this.#show] = [worker, lane, show];
  }

  async take(message: ArrayBuffer): Promise<void> {
    this.#next = message;
    if (this.#busy) return;
    this.#busy = true;
    while (this.#next) {
      const body: ArrayBuffer = this.#next;
      this.#next = null;
      const picture = await createImageBitmap(new Blob([body.slice(HEAD_BYTES)], { type: "image/jpeg" })).catch(() => null);
      if (picture) this.#show(picture, readHead(body));
    }
    this.#busy = false;
  }
}

/** The decoder of the lane in focus; what it cannot decode is left out until the next key frame. */
class Film {
  readonly worker: number;
  readonly lane: number;
  readonly #show: Show;
  readonly #heads = new Map<number, Head>();
  #decoder: VideoDecoder | null = null;
  #description: Uint8Array | null = null;
  #begun = false;

  constructor(worker: number, lane: number, show: Show) {
    [this.worker, this.lane, this.#show] = [worker, lane, show];
  }

  take(head: Head, message: ArrayBuffer): void {
    const data = new Uint8Array(message, HEAD_BYTES);
    if (head.kind === DESCRIPTION) {
      this.#description = data.slice();
      this.#configure();
      return;
    }
    if (head.kind === KEY && this.#decoder?.state === "closed") this.#configure();
    const decoder = this.#decoder;
    if (!decoder || decoder.state !== "configured") return;
    if (decoder.decodeQueueSize > MOST_UNDECODED) this.#begun = false;
    this.#begun ||= head.kind === KEY;
    if (!this.#begun) return;
    const timestamp = head.frame * 1000;
    this.#heads.set(timestamp, head);
    decoder.decode(new EncodedVideoChunk({ type: head.kind === KEY ? "key" : "delta", timestamp, data }));
  }

  close(): void {
    if (this.#decoder && this.#decoder.state !== "closed") this.#decoder.close();
  }

  #configure(): void {
    this.close();
    const description = this.#description;
    if (!description) return;
    this.#heads.clear();
    this.#begun = false;
    const profile = [...description.subarray(1, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    this.#decoder = new VideoDecoder({
      output: (picture) => {
        const head = this.#heads.get(picture.timestamp);
        this.#heads.delete(picture.timestamp);
        if (head) this.#show(picture, head);
        picture.close();
      },
      error: () => undefined, // the decoder is closed then; the next key frame has a new one, and tiles are shown until it comes
    });
    this.#decoder.configure({ codec: `avc1.${profile}`, description, optimizeForLatency: true });
  }
}

class Live {
  readonly state = new Store<LineState>("closed");
  /** Null until the orchestrator has told. */
  readonly workers = new Store<readonly LiveWorker[] | null>(null);
  /** Steps a second of each worker, over all its lanes, by its number. */
  readonly rates = new Store<ReadonlyMap<number, number>>(new Map());
  readonly #tiles = new Set<Tile>();
  readonly #marks = new Map<number, { frame: number; at: number }>();
  readonly #latencies = new Float64Array(MEASURED);
  readonly #line: Line;
  #film: Film | null = null;
  #measured = 0;
  #asking = 0;

  constructor() {
    this.#line = new Line("/live", {
      opened: () => {
        this.#ask();
        this.#askFocus();
      },
      heard: (message) => (typeof message === "string" ? this.#told(JSON.parse(message)) : this.#picture(message)),
      changed: (state) => this.state.set(state),
    });
    document.addEventListener("visibilitychange", () => this.#askSoon());
  }

  /** Watches until the function that this gives is called. */
  open(): () => void {
    this.#line.open();
    return () => {
      this.#line.close();
      this.workers.set(null);
    };
  }

  /** Shows a lane's pictures until the function that this gives is called. */
  watch(worker: number, lane: number, show: Show): () => void {
    const tile = new Tile(worker, lane, show);
    this.#tiles.add(tile);
    this.#askSoon();
    return () => {
      this.#tiles.delete(tile);
      this.#askSoon();
    };
  }

  /** Shows a lane in full, and meanwhile no other one. Where there is no decoder, only what `watch` shows comes. */
  focus(worker: number, lane: number, show: Show): () => void {
    const film = new Film(worker, lane, show);
    this.#film = film;
    this.#askFocus();
    this.#askSoon();
    return () => {
      film.close();
      if (this.#film !== film) return;
      this.#film = null;
      this.#askFocus();
      this.#askSoon();
    };
  }

  /** Takes note that a picture is on the screen. */
  shown(head: Head): void {
    this.#latencies[this.#measured++ % MEASURED] = Date.now() - head.playedMs;
  }

  /** Gives the time from a step to its picture on the screen, in ms, that so large a part of the newest pictures kept. */
  latency(part: number): number | null {
    const known = this.#latencies.slice(0, Math.min(this.#measured, MEASURED)).sort();
    return known.length ? (known[Math.min(known.length - 1, Math.floor(part * known.length))] ?? null) : null;
  }

  #told(told: { type: string; workers?: LiveWorker[] }): void {
    if (told.type === "workers" && told.workers) this.workers.set(told.workers);
  }

  #picture(message: ArrayBuffer): void {
    const head = readHead(message);
    this.#count(head);
    if (head.kind !== JPEG) {
      if (this.#film?.worker === head.worker && this.#film.lane === head.lane) this.#film.take(head, message);
      return;
    }
    for (const tile of this.#tiles) {
      if (tile.worker === head.worker && tile.lane === head.lane) void tile.take(message);
    }
  }

  #count(head: Head): void {
    const mark = this.#marks.get(head.worker);
    const passed = mark ? head.playedMs - mark.at : 0;
    if (mark && passed >= 0 && passed < RATE_MS) return;
    this.#marks.set(head.worker, { frame: head.frame, at: head.playedMs });
    const lanes = this.workers.get()?.find(({ number }) => number === head.worker)?.lanes;
    if (!mark || !lanes || passed < 0 || head.frame < mark.frame) return;
    this.rates.set(new Map(this.rates.get()).set(head.worker, ((head.frame - mark.frame) * lanes * 1000) / passed));
  }

  #askSoon(): void {
    clearTimeout(this.#asking);
    this.#asking = window.setTimeout(() => this.#ask(), 30);
  }

  #ask(): void {
    const film = this.#film;
    const watched = [...this.#tiles].filter((tile) => !film || (tile.worker === film.worker && tile.lane === film.lane));
    const places = new Map(watched.map(({ worker, lane }) => [`${worker}:${lane}`, [worker, lane]]));
    this.#line.send({ type: "watch", tiles: document.hidden ? [] : [...places.values()].slice(0, MOST_TILES), hz: TILES_HZ });
  }

  #askFocus(): void {
    const decodes = typeof VideoDecoder !== "undefined";
    this.#line.send({ type: "focus", ...(this.#film && decodes ? { worker: this.#film.worker, lane: this.#film.lane } : { worker: null }) });
  }
}

export const live = new Live();
