/** Keys of the page: what is pressed now, and the list that `?` shows. */
import { useEffect, useRef } from "react";
import { Store } from "./store";

export interface Binding {
  /** A key, two in a row, or one with Control, on a Mac Command, which works in fields too: "t", "g r", "Space", "Control k". */
  keys: string;
  does: string;
  run: () => void;
}

const PAIR_MS = 1_000;
export const bound = new Store<readonly Binding[]>([]);
let first = "";
let firstAt = 0;

function pressed(event: KeyboardEvent): void {
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
    run(event, bound.get().findLast(({ keys }) => keys === `Control ${event.key.toLowerCase()}`));
    return;
  }
  const inField = (event.target as Element).closest?.("input:not([type=checkbox]), select, textarea");
  if (inField || event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key === " " ? "Space" : event.key;
  // The space bar presses what has the keyboard before it does anything else.
  if (key === "Space" && (event.target as Element).closest?.("a, button, input, summary")) return;
  const pair = event.timeStamp - firstAt < PAIR_MS ? `${first} ${key}` : "";
  // What was bound last is nearest: a window's keys come before those of the room below it.
  const found = bound.get().findLast(({ keys }) => keys === pair) ?? bound.get().findLast(({ keys }) => keys === key);
  [first, firstAt] = [key, event.timeStamp];
  run(event, found);
}

function run(event: KeyboardEvent, binding: Binding | undefined): void {
  if (!binding) return;
  event.preventDefault();
  binding.run();
}

/** Gives how a key is written on the keyboard at hand. */
export const keyCap = (key: string): string => (key === "Control" ? (navigator.platform.startsWith("Mac") ? "⌘" : "Ctrl") : key.replace("Arrow", "").replace(/^k$/, "K"));

/** Binds keys for as long as the component is there. */
export function useKeys(bindings: readonly Binding[]): void {
  const newest = useRef(bindings);
  newest.current = bindings;
  const names = bindings.map(({ keys }) => keys).join("|");
  useEffect(() => {
    const mine = newest.current.map((binding, at) => ({ ...binding, run: () => newest.current[at]?.run() }));
    bound.set([...bound.get(), ...mine]);
    return () => bound.set(bound.get().filter((each) => !mine.includes(each)));
  }, [names]);
}

/** Has the page answer keys; once. */
export function listenToKeys(): void {
  addEventListener("keydown", pressed);
}
