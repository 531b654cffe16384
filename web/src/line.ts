/** A WebSocket that comes back: after a pause that doubles from a quarter of a second to eight, and is never the same. */

export type LineState = "closed" | "connecting" | "open" | "away" | "locked";

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 8_000;

export interface LineEars {
  opened(): void;
  heard(message: string | ArrayBuffer): void;
  changed(state: LineState): void;
}

export class Line {
  readonly #path: string;
  readonly #ears: LineEars;
  #wanted = false;
  #socket: WebSocket | null = null;
  #pause = FIRST_PAUSE_MS;
  #timer = 0;

  constructor(path: string, ears: LineEars) {
    this.#path = path;
    this.#ears = ears;
  }

  open(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#ears.changed("connecting");
    this.#call();
  }

  close(): void {
    this.#wanted = false;
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#ears.changed("closed");
  }

  send(message: object): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #call(): void {
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}${this.#path}`);
    let answered = false;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      answered = true;
      this.#pause = FIRST_PAUSE_MS;
      this.#ears.changed("open");
      this.#ears.opened();
    };
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => this.#ears.heard(event.data);
    socket.onclose = () => void this.#lost(socket, answered);
    this.#socket = socket;
  }

  async #lost(socket: WebSocket, answered: boolean): Promise<void> {
    if (this.#socket !== socket) return;
    this.#timer = window.setTimeout(() => this.#call(), this.#pause * (0.5 + Math.random()));
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MS);
    // A browser does not say why a socket was refused; that the process lives and yet refuses means that we lack the cookie.
    const lives = await fetch("/healthz").then((answer) => answer.ok, () => false);
    if (!this.#wanted || this.#socket?.readyState === WebSocket.OPEN) return;
    this.#ears.changed(!lives ? "away" : answered ? "connecting" : "locked");
  }
}
