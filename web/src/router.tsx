/** The rooms of the page and their addresses; what is in a room is fetched when it is first entered. */
import { createRootRoute, createRoute, createRouter } from "@tanstack/react-router";
import { NotFound, RoomError, Shell } from "./shell";

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });

const swarm = createRoute({ getParentRoute: () => root, path: "/" }).lazy(() => import("./routes/swarm").then((room) => room.Route));
const runs = createRoute({ getParentRoute: () => root, path: "/runs" }).lazy(() => import("./routes/runs").then((room) => room.Route));
const run = createRoute({ getParentRoute: () => root, path: "/runs/$run" }).lazy(() => import("./routes/run").then((room) => room.Route));

export const router = createRouter({
  routeTree: root.addChildren([swarm, runs, run]),
  defaultPreload: "intent",
  defaultErrorComponent: RoomError,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
