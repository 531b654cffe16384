/** What surrounds every room: the way to the others, whether we are connected, the theme, keys and unlocks. */
import { type ErrorComponentProps, Link, Outlet, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { feed } from "./feed";
import { Icon, Pot } from "./icons";
import { bound, keyCap, useKeys } from "./keys";
import type { LineState } from "./line";
import { Palette } from "./palette";
import { ROOMS } from "./rooms";
import { useStore } from "./store";
import { nextTheme, theme, THEME_ICONS } from "./theme";
import { Toasts } from "./toasts";
import { Dialog, EmptyState, ErrorState, Room, Tip } from "./ui";

const LINES: Record<LineState, { word: string; about: string; lamp: string }> = {
  open: { word: "Live", about: "What happens is shown as it happens.", lamp: "bg-good" },
  connecting: { word: "Calling", about: "The orchestrator is being called.", lamp: "bg-quiet pulse" },
  closed: { word: "Off", about: "Nobody listens.", lamp: "bg-quiet" },
  away: { word: "Away", about: "The orchestrator does not answer. It is called again and again.", lamp: "bg-bad pulse" },
  locked: { word: "Locked", about: "This browser has no key: open the address that ludus serve printed at its start.", lamp: "bg-bad" },
};

export function Shell() {
  const [help, setHelp] = useState(false);
  const [palette, setPalette] = useState(false);
  const navigate = useNavigate();
  useKeys([
    { keys: "Control k", does: "Go to anything by its name", run: () => setPalette((open) => !open) },
    ...ROOMS.map(({ path, name, key }) => ({ keys: `g ${key}`, does: `Go to ${name}`, run: () => void navigate({ to: path }) })),
    { keys: "t", does: "Day, night, or as the system has it", run: nextTheme },
    { keys: "?", does: "Show these keys", run: () => setHelp(true) },
  ]);
  return (
    <>
      <a href="#room" className="button fixed top-2 left-2 z-50 -translate-y-16 focus:translate-y-0">
        Skip to the room
      </a>
      <header className="sticky top-0 z-30 border-b border-line bg-panel">
        <div className="mx-auto flex h-14 max-w-360 items-center gap-6 px-4">
          <Link to="/" className="flex items-center gap-2 font-pixel text-lg font-bold tracking-wide no-underline">
            <Pot size={32} /> Ludus
          </Link>
          <nav aria-label="Rooms" className="fixed inset-x-0 bottom-0 z-30 flex border-t border-line bg-panel pb-[env(safe-area-inset-bottom)] sm:static sm:grow sm:border-0 sm:pb-0">
            {ROOMS.map(({ path, name, icon }) => (
              <Link
                key={path}
                to={path}
                activeOptions={{ exact: path === "/" }}
                className="flex h-14 flex-1 flex-col items-center justify-center gap-1 border-b-2 border-transparent px-3 text-xs text-quiet no-underline hover:text-ink aria-[current=page]:border-accent aria-[current=page]:text-ink sm:flex-none sm:flex-row sm:gap-2 sm:text-sm"
              >
                <Icon name={icon} /> {name}
              </Link>
            ))}
          </nav>
          <div className="ml-auto flex items-center gap-2">
            <Connection />
            <button type="button" className="button" aria-keyshortcuts="Control+K" aria-haspopup="dialog" onClick={() => setPalette(true)}>
              <Icon name="search" />
              <span className="sr-only font-normal text-quiet lg:not-sr-only">Go to …</span>
              <span aria-hidden className="ml-1 hidden gap-1 lg:flex"><kbd className="key">{keyCap("Control")}</kbd><kbd className="key">K</kbd></span>
            </button>
            <ThemeSwitch />
            <Tip text="Keys (?)">
              <button type="button" className="button hidden sm:inline-flex" aria-label="Keys" onClick={() => setHelp(true)}>
                <Icon name="keys" />
              </button>
            </Tip>
          </div>
        </div>
      </header>
      <main id="room" tabIndex={-1} className="mx-auto max-w-360 px-4 pt-6 pb-24 outline-none sm:pb-12">
        <Outlet />
      </main>
      <Toasts />
      {palette && <Palette close={() => setPalette(false)} />}
      {help && <Keys close={() => setHelp(false)} />}
    </>
  );
}

function Connection() {
  const { word, about, lamp } = LINES[useStore(feed.state)];
  return (
    <Tip text={about}>
      <span role="status" tabIndex={0} className="flex min-h-8 items-center gap-2 px-1 text-xs text-quiet">
        <span aria-hidden className={`size-2 rounded-sm ${lamp}`} /> {word}
        <span className="sr-only">. {about}</span>
      </span>
    </Tip>
  );
}

function ThemeSwitch() {
  const now = useStore(theme);
  return (
    <Tip text={`Theme: ${now} (t)`}>
      <button type="button" className="button" aria-label={`Theme: ${now}`} onClick={nextTheme}>
        <Icon name={THEME_ICONS[now]} />
      </button>
    </Tip>
  );
}

function Keys({ close }: { close: () => void }) {
  const bindings = useStore(bound);
  return (
    <Dialog title="Keys" close={close}>
      <dl className="grid grid-cols-[auto_1fr] items-center gap-x-6 gap-y-2">
        {bindings.map(({ keys, does }) => (
          <div key={keys} className="contents">
            <dt className="flex gap-1">
              {keys.split(" ").map((key) => (
                <kbd key={key} className="key">{keyCap(key)}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}

export function NotFound() {
  return (
    <Room title="Nowhere">
      <EmptyState title="There is no room here">
        <Link to="/" className="button text-ink">Back to the swarm</Link>
      </EmptyState>
    </Room>
  );
}

export function RoomError({ error, reset }: ErrorComponentProps) {
  return <ErrorState error={error as Error} retry={reset} />;
}
