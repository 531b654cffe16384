/** Day, night, or whatever the system has; kept by the browser. */
import type { IconName } from "./icons";
import { Store } from "./store";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];
export const THEME_ICONS = { system: "system", light: "sun", dark: "moon" } as const satisfies Record<Theme, IconName>;
export const THEME_WORDS: Record<Theme, string> = { system: "As the system has it", light: "Day", dark: "Night" };

const KEPT = "ludus.theme";
const kept = localStorage.getItem(KEPT);
export const theme = new Store<Theme>(THEMES.find((each) => each === kept) ?? "system");

function show(): void {
  const root = document.documentElement;
  if (theme.get() === "system") delete root.dataset.theme;
  else root.dataset.theme = theme.get();
  localStorage.setItem(KEPT, theme.get());
}

export function nextTheme(): void {
  theme.set(THEMES[(THEMES.indexOf(theme.get()) + 1) % THEMES.length] ?? "system");
}

theme.watch(show);
show();
