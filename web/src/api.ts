/** What the orchestrator tells over HTTP: typed by its OpenAPI document, cached by TanStack Query. */
import { QueryClient, queryOptions } from "@tanstack/react-query";
import createClient from "openapi-fetch";
import type { components, paths } from "./api.gen";

export type Run = components["schemas"]["Run"];
export type RunDetail = components["schemas"]["RunDetail"];
export type Curves = components["schemas"]["Curves"]["curves"];
export type Worker = components["schemas"]["Worker"];
export type Episode = components["schemas"]["Episode"];
export type Unlock = components["schemas"]["Unlock"];

export const api = createClient<paths>({ baseUrl: location.origin });

/** A request that was refused, or not answered; `message` is a sentence for people. */
export class Refused extends Error {
  readonly status: number;
  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

/** Gives what a request of `api` was answered, for a `queryFn`. Throws `Refused`. */
export async function told<T>(asked: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await asked.catch(() => {
    throw new Refused(0, "The orchestrator does not answer. Is ludus serve running?");
  });
  if (response.ok) return data as T;
  const detail = (error as { detail?: string } | undefined)?.detail;
  throw new Refused(response.status, detail ?? `The orchestrator answered ${response.status}.`);
}

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (failures, error) => failures < 2 && !(error instanceof Refused && error.status >= 400 && error.status < 500),
    },
  },
});

export const runsQuery = queryOptions({
  queryKey: ["runs"],
  queryFn: () => told(api.GET("/runs", { params: { query: { limit: 1000 } } })),
  refetchInterval: 10_000,
});

/** All that is told of one run. */
export const runQuery = (run: string) => queryOptions({ queryKey: ["runs", run], queryFn: () => told(api.GET("/runs/{run}", { params: { path: { run } } })) });

export const workersQuery = queryOptions({
  queryKey: ["workers"],
  queryFn: () => told(api.GET("/workers")),
  refetchInterval: 20_000,
});
