/** What the addresses of rooms hold after `?`. */

const text = (asked: unknown): string | undefined => (asked === undefined || asked === "" ? undefined : String(asked));
const oneOf = <T extends string>(all: readonly T[], asked: unknown): T | undefined => all.find((each) => each === asked);

export const SORTS = ["newest", "oldest", "best", "worst", "longest", "shortest", "noticed"] as const;

export interface EpisodesSearch {
  run?: string | undefined;
  game?: string | undefined;
  policy?: string | undefined;
  verdict?: string | undefined;
  film?: "yes" | "no" | undefined;
  sort?: (typeof SORTS)[number] | undefined;
  filter?: string | undefined;
}

export const episodesSearch = (asked: Record<string, unknown>): EpisodesSearch => ({
  run: text(asked.run),
  game: text(asked.game),
  policy: text(asked.policy),
  verdict: text(asked.verdict),
  film: oneOf(["yes", "no"], asked.film),
  sort: oneOf(SORTS, asked.sort),
  filter: text(asked.filter),
});

export interface HallSearch {
  feat?: string | undefined;
  state?: string | undefined;
  /** Every unlock of a feat, not only one. */
  every?: boolean | undefined;
}

export const hallSearch = (asked: Record<string, unknown>): HallSearch => ({ feat: text(asked.feat), state: text(asked.state), every: asked.every === true || undefined });

export interface FeatsSearch {
  hall?: "fame" | "shame" | undefined;
  tier?: string | undefined;
  only?: "unlocked" | "locked" | undefined;
  filter?: string | undefined;
}

export const featsSearch = (asked: Record<string, unknown>): FeatsSearch => ({
  hall: oneOf(["fame", "shame"], asked.hall),
  tier: text(asked.tier),
  only: oneOf(["unlocked", "locked"], asked.only),
  filter: text(asked.filter),
});

/** Of a goal's room: the episode that is compared with it. */
export const goalSearch = (asked: Record<string, unknown>): { episode?: string | undefined } => ({ episode: text(asked.episode) });
