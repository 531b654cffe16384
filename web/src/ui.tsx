/** The pieces of which every room is made. */
import * as RadixTooltip from "@radix-ui/react-tooltip";
import type { UseQueryResult } from "@tanstack/react-query";
import { type ReactNode, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "react";
import { Icon, type IconName, Pot } from "./icons";

/** A room: its name, a sentence on its state, and what can be done in it. */
export function Room({ title, about, actions, children }: { title: ReactNode; about?: ReactNode; actions?: ReactNode; children: ReactNode }) {
  useEffect(() => {
    if (typeof title === "string") document.title = `${title} · Ludus`;
  }, [title]);
  return (
    <>
      <header className="mb-5 flex flex-wrap items-end gap-x-4 gap-y-3">
        <div className="min-w-0 grow">
          <h1 className="font-pixel text-xl font-semibold tracking-wide wrap-anywhere">{title}</h1>
          {about && <p className="text-quiet">{about}</p>}
        </div>
        {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
      </header>
      {children}
    </>
  );
}

export function Panel({ title, aside, children, className = "" }: { title?: ReactNode; aside?: ReactNode; children: ReactNode; className?: string }) {
  const id = useId();
  return (
    <section aria-labelledby={title ? id : undefined} className={`rounded-md border border-line bg-panel ${className}`}>
      {(title || aside) && (
        <header className="flex min-h-11 flex-wrap items-center gap-x-3 gap-y-1 border-b border-line px-4 py-2">
          <h2 id={id} className="grow text-base font-semibold wrap-anywhere">
            {title}
          </h2>
          {aside}
        </header>
      )}
      <div className="p-4">{children}</div>
    </section>
  );
}

const TONES = {
  plain: "border-line text-quiet",
  accent: "border-accent text-accent",
  good: "border-good text-good",
  bad: "border-bad text-bad",
  fame: "border-fame text-fame",
  shame: "border-shame text-shame",
} as const;
export type Tone = keyof typeof TONES;

export function Badge({ tone = "plain", icon, children }: { tone?: Tone; icon?: IconName; children: ReactNode }) {
  return (
    <span className={`inline-flex items-center gap-1 rounded-sm border px-1.5 text-xs font-medium whitespace-nowrap ${TONES[tone]}`}>
      {icon && <Icon name={icon} size={8} />}
      {children}
    </span>
  );
}

/** Which hall something belongs to: an icon and the word, never the colour alone. */
export function HallBadge({ hall }: { hall: string }) {
  return hall === "shame" ? (
    <Badge tone="shame" icon="shame">Shame</Badge>
  ) : (
    <Badge tone="fame" icon="fame">Fame</Badge>
  );
}

export function Tip({ text, children }: { text: ReactNode; children: ReactNode }) {
  return (
    <RadixTooltip.Root>
      <RadixTooltip.Trigger asChild>{children}</RadixTooltip.Trigger>
      <RadixTooltip.Portal>
        <RadixTooltip.Content sideOffset={6} collisionPadding={8} className="z-50 max-w-72 rounded-md border border-line bg-raised px-2 py-1 text-xs">
          {text}
        </RadixTooltip.Content>
      </RadixTooltip.Portal>
    </RadixTooltip.Root>
  );
}

function State({ title, children, alert = false }: { title: string; children?: ReactNode; alert?: boolean }) {
  return (
    <div role={alert ? "alert" : "status"} className="mx-auto flex max-w-lg flex-col items-center gap-3 px-4 py-16 text-center">
      {alert ? <img src="/broken.svg" alt="" width={64} height={64} className="pixels" /> : <Pot size={64} />}
      <p className="font-pixel text-lg">{title}</p>
      {children && <div className="text-quiet">{children}</div>}
    </div>
  );
}

/** Nothing is there yet; the children say what brings something. */
export function EmptyState({ title, children }: { title: string; children?: ReactNode }) {
  return <State title={title}>{children}</State>;
}

export function LoadingState({ what }: { what: string }) {
  return (
    <div role="status" className="flex items-center justify-center gap-3 py-16 text-quiet">
      <span className="pulse"><Pot size={16} /></span>
      Fetching {what} …
    </div>
  );
}

export function ErrorState({ error, retry }: { error: Error; retry?: () => void }) {
  return (
    <State title="That did not work" alert>
      <p>{error.message}</p>
      {retry && (
        <button type="button" className="button mt-3 text-ink" onClick={retry}>
          Try again
        </button>
      )}
    </State>
  );
}

/** Shows what a query gave, and until then, or instead, that it is under way, failed or empty. */
export function Loaded<T>({ query, what, empty, children }: { query: UseQueryResult<T, Error>; what: string; empty?: ReactNode; children: (data: T) => ReactNode }) {
  if (query.data === undefined) {
    return query.isError ? <ErrorState error={query.error} retry={() => void query.refetch()} /> : <LoadingState what={what} />;
  }
  const none = Array.isArray(query.data) && query.data.length === 0;
  return (
    <>
      {query.isError && (
        <p role="alert" className="mb-4 flex items-center gap-2 text-bad">
          <Icon name="warning" /> What is shown is not the newest: {query.error.message}
        </p>
      )}
      {none && empty ? empty : children(query.data)}
    </>
  );
}

export interface Column<T> {
  head: string;
  /** What it is sorted by; without it, it cannot be sorted by. */
  by?: (row: T) => string | number;
  cell: (row: T) => ReactNode;
  numeric?: boolean;
  /** Left out where there is little room. */
  minor?: boolean;
}

/** A table that is sorted by its heads; `open` answers a click on a row, which needs a link in a cell for the keyboard. */
export function Table<T>({ caption, columns, rows, keyOf, open }: { caption: string; columns: Column<T>[]; rows: readonly T[]; keyOf: (row: T) => string; open?: (row: T) => void }) {
  const [sort, setSort] = useState<{ head: string; down: boolean } | null>(null);
  const sorted = useMemo(() => {
    const by = columns.find((column) => column.head === sort?.head)?.by;
    if (!by || !sort) return rows;
    const sign = sort.down ? -1 : 1;
    return rows.toSorted((a, b) => (by(a) < by(b) ? -sign : by(a) > by(b) ? sign : 0));
  }, [columns, rows, sort]);
  return (
    <div className="overflow-x-auto" tabIndex={0} role="region" aria-label={caption}>
      <table className="w-full border-collapse text-left">
        <caption className="sr-only">{caption}</caption>
        <thead>
          <tr className="border-b border-line text-xs text-quiet">
            {columns.map(({ head, by, numeric, minor }) => {
              const down = sort?.head === head ? sort.down : null;
              return (
                <th key={head} scope="col" aria-sort={down === null ? undefined : down ? "descending" : "ascending"} className={`px-3 py-2 font-medium whitespace-nowrap ${numeric ? "text-right" : ""} ${minor ? "max-sm:hidden" : ""}`}>
                  {by ? (
                    <button type="button" className="hover:text-ink" onClick={() => setSort({ head, down: down === null ? !!numeric : !down })}>
                      {down !== null && <span aria-hidden>{down ? "↓ " : "↑ "}</span>}
                      {head}
                    </button>
                  ) : head}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => (
            <tr key={keyOf(row)} onClick={open && ((event) => (event.target as Element).closest("a,button,input,label") || open(row))} className={`border-b border-line last:border-0 hover:bg-raised ${open ? "cursor-pointer" : ""}`}>
              {columns.map(({ head, cell, numeric, minor }) => (
                <td key={head} className={`px-3 py-2 ${numeric ? "text-right whitespace-nowrap" : ""} ${minor ? "max-sm:hidden" : ""}`}>{cell(row)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/**
 * What lies over the page. The browser keeps the keyboard inside, and gives it back to what had it, or to `back`; Escape and a press
 * beside it close it. It is no dialog of Radix, whose lock of scrolling writes a style into the page, which our policy forbids.
 */
export function Modal({ title, close, back, className = "", children }: { title: string; close: () => void; back?: () => HTMLElement | null; className?: string; children: ReactNode }) {
  const ref = useRef<HTMLDialogElement>(null);
  const newest = useRef(back);
  newest.current = back;
  // Before it is taken away, not after: only a dialog that is closed gives the keyboard back.
  useLayoutEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => {
      dialog?.close();
      newest.current?.()?.focus();
    };
  }, []);
  return (
    <dialog ref={ref} aria-label={title} onCancel={close} onPointerDown={(event) => event.target === ref.current && close()} className={`appear max-w-[96vw] rounded-md border border-line bg-panel p-0 ${className}`}>
      {children}
    </dialog>
  );
}

/** A window with a head that names it. */
export function Dialog({ title, close, children }: { title: string; close: () => void; children: ReactNode }) {
  return (
    <Modal title={title} close={close} className="max-h-[96dvh]">
      <header className="flex items-center gap-4 border-b border-line py-2 pr-2 pl-4">
        <h2 className="grow font-pixel text-lg">{title}</h2>
        <button type="button" className="button" onClick={close}>
          <Icon name="close" size={8} /> Close
        </button>
      </header>
      <div className="p-4">{children}</div>
    </Modal>
  );
}

/** The course of a few numbers, without axes. */
export function Sparkline({ values, label, width = 96, height = 24 }: { values: ArrayLike<number>; label: string; width?: number; height?: number }) {
  const all = Array.from(values);
  const low = Math.min(...all);
  const span = Math.max(...all) - low || 1;
  const points = all.map((value, at) => `${((at / Math.max(1, all.length - 1)) * width).toFixed(1)},${(height - 2 - ((value - low) / span) * (height - 4)).toFixed(1)}`);
  return (
    <svg role="img" aria-label={label} width={width} height={height} className="text-accent">
      {all.length > 1 && <polyline points={points.join(" ")} fill="none" stroke="currentColor" strokeWidth="1.5" />}
    </svg>
  );
}
