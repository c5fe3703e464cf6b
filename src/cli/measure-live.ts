import { setTimeout as sleep } from "node:timers/promises";
import { MillraceError } from "../core/errors.ts";
import { type LiveWorkload, liveWorkload } from "../cost/live-workload.ts";
import { Scrape } from "../cost/metrics-text.ts";
import type { Workload } from "../cost/workload.ts";
import { type CliContext, printLine } from "./cli-context.ts";

const SCRAPE_TIMEOUT_MS = 10_000;
/** The metrics of a few hundred series are a hundredth of this. */
const MAX_SCRAPE_BYTES = 16 * 1024 ** 2;

/** Measures a running collector's load by two scrapes of its metrics. Rejects with `usage` when that is not possible. */
export async function measureLive(
  url: string,
  seconds: number,
  given: Partial<Workload>,
  { stderr }: CliContext,
): Promise<LiveWorkload> {
  const metricsUrl = metricsUrlOf(url);
  const before = await scrape(metricsUrl);
  printLine(stderr, `measuring ${metricsUrl.origin} for ${seconds} s …`);
  await sleep(seconds * 1_000);
  const live = liveWorkload(before, await scrape(metricsUrl), given);
  if (live !== undefined) return live;
  throw new MillraceError(
    "usage",
    `the collector at ${metricsUrl.origin} accepted no events within ${seconds} s: measure while it takes some, or for more --seconds`,
  );
}

function metricsUrlOf(url: string): URL {
  const base = URL.parse(url);
  if (base === null || !/^https?:$/.test(base.protocol))
    throw new MillraceError("usage", `--live takes the URL of an admin port, such as http://127.0.0.1:9090`);
  return new URL("/metrics", base);
}

export async function scrape(url: URL): Promise<Scrape> {
  let text: string;
  try {
    const reply = await fetch(url, { signal: AbortSignal.timeout(SCRAPE_TIMEOUT_MS) });
    text = await reply.text();
    if (!reply.ok) throw new Error(`it answers ${reply.status}`);
    if (text.length > MAX_SCRAPE_BYTES) throw new Error("its answer is too large");
  } catch (error) {
    throw new MillraceError("usage", `${url.href} cannot be read: ${reasonOf(error)}`, { cause: error });
  }
  const taken = new Scrape(text, performance.now());
  if (taken.has("millrace_ingest_requests_total") || taken.has("millrace_worker_up")) return taken;
  throw new MillraceError("usage", `${url.href} is not a collector's: it has no metrics of Millrace`);
}

/** `fetch failed` says nothing; its cause does. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message || error.message : error.message;
}
