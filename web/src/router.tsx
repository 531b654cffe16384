/** The rooms of the page and their addresses; what is in a room is fetched when it is first entered. */
import { createRootRoute, createRoute, createRouter, redirect } from "@tanstack/react-router";
import type { View } from "./run-curves";
import { episodesSearch, featsSearch, goalSearch, hallSearch } from "./searches";
import { NotFound, RoomError, Shell } from "./shell";

const text = (asked: unknown): string | undefined => (asked === undefined ? undefined : String(asked));

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });

const swarm = createRoute({
  getParentRoute: () => root,
  path: "/",
  validateSearch: (asked): { worker?: string | undefined; lane?: number | undefined } => ({
    worker: text(asked.worker),
    lane: typeof asked.lane === "number" ? Math.max(0, Math.trunc(asked.lane)) : undefined,
  }),
}).lazy(() => import("./routes/swarm").then((room) => room.Route));
const runs = createRoute({
  getParentRoute: () => root,
  path: "/runs",
  validateSearch: (asked): View & { chosen?: string[] | undefined; filter?: string | undefined } => ({
    chosen: Array.isArray(asked.chosen) ? asked.chosen.map(String) : undefined,
    filter: text(asked.filter),
    metric: text(asked.metric),
    x: asked.x === "time" ? "time" : undefined,
    smooth: typeof asked.smooth === "number" ? asked.smooth : undefined,
    log: asked.log === true || undefined,
    apart: asked.apart === true || undefined,
  }),
}).lazy(() => import("./routes/runs").then((room) => room.Route));
const run = createRoute({ getParentRoute: () => root, path: "/runs/$run" }).lazy(() => import("./routes/run").then((room) => room.Route));
const episodes = createRoute({ getParentRoute: () => root, path: "/episodes", validateSearch: episodesSearch }).lazy(() => import("./routes/episodes").then((room) => room.Route));
const episode = createRoute({ getParentRoute: () => root, path: "/episodes/$id" }).lazy(() => import("./routes/episode").then((room) => room.Route));
const feats = createRoute({ getParentRoute: () => root, path: "/feats", validateSearch: featsSearch }).lazy(() => import("./routes/feats").then((room) => room.Route));
const halls = createRoute({ getParentRoute: () => root, path: "/hall", beforeLoad: () => Promise.reject(redirect({ to: "/hall/$hall", params: { hall: "fame" } })) });
const hall = createRoute({ getParentRoute: () => root, path: "/hall/$hall", validateSearch: hallSearch }).lazy(() => import("./routes/hall").then((room) => room.Route));
const goals = createRoute({ getParentRoute: () => root, path: "/goals" }).lazy(() => import("./routes/goals").then((room) => room.Route));
const goal = createRoute({ getParentRoute: () => root, path: "/goals/$goal", validateSearch: goalSearch }).lazy(() => import("./routes/goal").then((room) => room.Route));

export const router = createRouter({
  routeTree: root.addChildren([swarm, runs, run, episodes, episode, feats, halls, hall, goals, goal]),
  defaultPreload: "intent",
  defaultErrorComponent: RoomError,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
