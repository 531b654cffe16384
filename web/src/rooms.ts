/** What the navigation leads to, in its order; `key` comes after g. */
import type { IconName } from "./icons";

export const ROOMS = [
  { path: "/", name: "Swarm", icon: "swarm", key: "s" },
  { path: "/runs", name: "Runs", icon: "runs", key: "r" },
  { path: "/episodes", name: "Episodes", icon: "episodes", key: "e" },
  { path: "/feats", name: "Feats", icon: "feats", key: "f" },
  { path: "/hall", name: "Hall", icon: "fame", key: "h" },
  { path: "/goals", name: "Goals", icon: "goals", key: "o" },
] as const satisfies readonly { path: string; name: string; icon: IconName; key: string }[];
