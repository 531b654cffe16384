/** Unlocks as they happen, told to eyes and to screen readers. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { Unlock } from "./api";
import { feed } from "./feed";
import { Icon } from "./icons";
import { HallBadge } from "./ui";

const SHOWN_MS = 8_000;
const MOST = 3;

export function Toasts() {
  const [unlocks, setUnlocks] = useState<readonly Unlock[]>([]);
  const client = useQueryClient();
  useEffect(
    () =>
      feed.hear("unlocks", {
        maxHz: 4,
        heard(rows) {
          void client.invalidateQueries({ queryKey: ["feats"] });
          // A record without a feat only tells what became of a clip.
          const fresh = rows.filter((row) => typeof row.feat_id === "string") as unknown as Unlock[];
          if (!fresh.length) return;
          setUnlocks((shown) => [...shown, ...fresh].slice(-MOST));
          setTimeout(() => setUnlocks((shown) => shown.filter((each) => !fresh.includes(each))), SHOWN_MS);
        },
        missed: () => void client.invalidateQueries({ queryKey: ["feats"] }),
      }),
    [client],
  );
  return (
    <ol aria-live="polite" aria-label="Unlocks" className="pointer-events-none fixed right-4 bottom-20 z-40 flex w-80 flex-col gap-2 sm:bottom-4">
      {unlocks.map((unlock) => (
        <li key={unlock.id} className="appear pointer-events-auto flex items-center gap-3 rounded-md border border-line bg-raised p-3">
          <span className={unlock.hall === "shame" ? "text-shame" : "text-fame"}>
            <Icon name={unlock.hall === "shame" ? "shame" : "fame"} size={32} />
          </span>
          <span className="min-w-0 grow">
            <strong className="mb-0.5 block font-pixel text-base leading-5 font-semibold text-balance">{unlock.name}</strong>
            <span className="flex items-center gap-2 text-xs text-quiet">
              <HallBadge hall={unlock.hall} /> {unlock.tier}
            </span>
          </span>
          <button type="button" aria-label={`Dismiss ${unlock.name}`} className="p-2 text-quiet hover:text-ink" onClick={() => setUnlocks((shown) => shown.filter((each) => each !== unlock))}>
            <Icon name="close" size={8} />
          </button>
        </li>
      ))}
    </ol>
  );
}
