/** The palette: go to anything by its name, by keys alone. */
import { type KeyboardEvent, useDeferredValue, useEffect, useId, useMemo, useRef, useState } from "react";
import { type Command, found, useCommands } from "./commands";
import { Icon } from "./icons";
import { Modal } from "./ui";

const PAGE = 8;

export function Palette({ close }: { close: () => void }) {
  const [asked, setAsked] = useState("");
  const [chosen, setChosen] = useState<string>();
  const list = useRef<HTMLDivElement>(null);
  const went = useRef(false);
  const id = useId();
  const all = useCommands(useDeferredValue(asked.trim()));
  const groups = useMemo(() => found(all, asked), [all, asked]);
  const commands = groups.flatMap((group) => group.commands);
  // By name, for what is found after it was chosen may come before it.
  const at = Math.max(0, commands.findIndex(({ id }) => id === chosen));
  const optionId = (place: number) => `${id}-${place}`;

  useEffect(() => {
    list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: at === 0 ? "end" : "nearest" });
  }, [at, groups]);

  const run = (command: Command | undefined) => {
    if (!command) return;
    went.current = command.to !== undefined;
    command.run();
    close();
  };
  const press = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Enter") {
      event.preventDefault();
      run(commands[at]);
      return;
    }
    const to = { ArrowDown: (at + 1) % commands.length, ArrowUp: (at - 1 + commands.length) % commands.length, PageDown: Math.min(at + PAGE, commands.length - 1), PageUp: Math.max(at - PAGE, 0) }[event.key];
    if (to === undefined || !commands.length) return;
    event.preventDefault();
    setChosen(commands[to]?.id);
  };

  let place = 0;
  return (
    <Modal title="Go to" close={close} back={() => (went.current ? document.getElementById("room") : null)} className="mt-[8dvh] w-160">
      <div className="flex items-center gap-3 border-b border-line px-4 text-quiet focus-within:text-ink">
        <Icon name="search" />
        <input
          type="text"
          role="combobox"
          aria-label="Go to"
          aria-expanded={commands.length > 0}
          aria-controls={`${id}-list`}
          aria-activedescendant={commands.length ? optionId(at) : undefined}
          aria-autocomplete="list"
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          placeholder="A room, run, episode, worker, feat, goal"
          className="h-12 min-w-0 grow bg-transparent text-base text-ink outline-none placeholder:text-quiet"
          value={asked}
          onChange={(event) => {
            setAsked(event.target.value);
            setChosen(undefined);
          }}
          onKeyDown={press}
        />
        <kbd className="key hidden sm:inline-block">Esc</kbd>
      </div>
      <div ref={list} id={`${id}-list`} role="listbox" aria-label="What is found" className="max-h-[min(34rem,64dvh)] overflow-y-auto p-2">
        {groups.map((group) => (
          <div key={group.name} role="group" aria-label={group.name} className="pb-1">
            <p aria-hidden className="px-2 pt-2 pb-1 text-xs text-quiet">{group.name}</p>
            {group.commands.map((command) => {
              const mine = place++;
              return (
                <div
                  key={command.id}
                  id={optionId(mine)}
                  role="option"
                  aria-selected={mine === at}
                  className="flex min-h-10 cursor-pointer items-center gap-3 rounded-sm border-l-2 border-transparent px-2 aria-selected:border-accent aria-selected:bg-raised"
                  onPointerMove={() => setChosen(command.id)}
                  onClick={() => run(command)}
                >
                  <span className="text-quiet"><Icon name={command.icon} /></span>
                  <span className="min-w-0 shrink-0 grow basis-1/2 truncate font-medium sm:shrink sm:grow-0 sm:basis-auto">{command.name}</span>
                  {command.about && <span className="hidden min-w-0 grow truncate text-right text-xs text-quiet sm:block">{command.about}</span>}
                </div>
              );
            })}
          </div>
        ))}
        {commands.length === 0 && <p className="px-2 py-8 text-center text-quiet">Nothing here is called that.</p>}
      </div>
      <p role="status" className="sr-only">{commands.length || "nothing"} found</p>
    </Modal>
  );
}
