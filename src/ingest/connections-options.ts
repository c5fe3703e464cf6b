import type { Clock } from "../core/clock.ts";
import type { HttpConfig } from "./config.ts";
import type { Exchange, ExchangeContext } from "./exchange.ts";
import type { Problem } from "./problems.ts";

/** How often overdue requests are looked for; a timeout is late by at most this. */
export const TIMEOUT_CHECK_MS = 1_000;

/** What both versions of HTTP need to serve their connections. */
export interface ConnectionsOptions {
  readonly http: HttpConfig;
  readonly context: ExchangeContext;
  readonly clock: Clock;
  /** Answers a request; with `refusal`, with just that. */
  readonly serve: (exchange: Exchange, refusal?: Problem) => void;
}
