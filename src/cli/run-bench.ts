import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BENCH_EVENT, EventTemplate } from "../bench/event-template.ts";
import { requestBytes } from "../bench/request-bytes.ts";
import { type LoadProgress, type LoadResult, runLoad } from "../bench/run-load.ts";
import { MillraceError } from "../core/errors.ts";
import type { Scrape } from "../cost/metrics-text.ts";
import type { BenchOptions } from "./bench-command.ts";
import { type BenchReport, benchText } from "./bench-report.ts";
import { clearLine, showLine } from "./changing-line.ts";
import { type CliContext, printJson, printJsonError, printLine } from "./cli-context.ts";
import { EXIT } from "./exit-codes.ts";
import { scrape } from "./measure-live.ts";
import { painter } from "./paint.ts";

/** Until a collector whose sinks are well has delivered what it was sent. */
const DRAIN_MS = 5_000;
const DRAIN_POLL_MS = 250;

/** To connect and send one request; its answer may take longer. */
const PROBE_SECONDS = 10;

/** Sends the load and reports it. Resolves with the exit code. */
export async function runBench(options: BenchOptions, context: CliContext): Promise<number> {
  const url = eventsUrl(options.url, options.ack);
  const metrics = options.admin === undefined ? undefined : metricsUrl(options.admin);
  const { key, connections, seconds, eventsPerRequest } = options;
  const form = { url, key: writeKey(key), contentType: "application/json" };
  const template = new EventTemplate(await eventOf(options, context), randomBytes(4).toString("hex"));
  const nextRequest = (): Buffer => requestBytes(form, template.body(eventsPerRequest));

  const probe = await runLoad({
    url,
    connections: 1,
    nextRequest,
    requests: 1,
    seconds: PROBE_SECONDS,
    untilFailure: true,
  });
  const obstacle = obstacleOf(probe, url);
  if (obstacle !== undefined) return failed(obstacle, options, context);

  const before = metrics === undefined ? undefined : await scrape(metrics);
  const stop = new AbortController();
  const interrupt = (): void => stop.abort();
  process.once("SIGINT", interrupt);
  const progress = progressTo(context, seconds);
  const load = await runLoad({
    url,
    connections,
    nextRequest,
    seconds,
    stop: stop.signal,
    onSecond: (now) => progress.show(now),
    ...(options.max ? {} : { requestsPerSecond: options.rate / eventsPerRequest }),
  }).finally(() => process.off("SIGINT", interrupt));
  progress.end();
  const collector =
    metrics === undefined || before === undefined ? undefined : collectorFigures(before, await drained(metrics));
  const report: BenchReport = {
    url: url.href,
    seconds: load.durationMs / 1_000,
    connections,
    eventsPerRequest,
    wantedEventsPerSecond: options.max ? null : options.rate,
    eventsPerSecond: load.durationMs === 0 ? 0 : (load.taken * eventsPerRequest * 1_000) / load.durationMs,
    ...load,
    collector: collector ?? null,
  };
  if (options.json) printJson(context.stdout, report);
  else printLine(context.stdout, benchText(report, painter(context.stdout, context.env)));
  const allTaken = Object.keys(load.failures).length === 0 && load.firstRefusal === undefined && load.answered > 0;
  return allTaken ? EXIT.ok : EXIT.failed;
}

function eventsUrl(text: string, ack: string | undefined): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new MillraceError("usage", `--url takes the URL of an event port, such as http://127.0.0.1:8080`);
  if (url.pathname === "/") url.pathname = "/v1/events";
  if (ack !== undefined) url.searchParams.set("ack", ack);
  return url;
}

function metricsUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new MillraceError("usage", `--admin takes the URL of an admin port, such as http://127.0.0.1:9090`);
  return new URL("/metrics", url);
}

/** It becomes part of a header, which must end where it ends. */
function writeKey(key: string): string {
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  throw new MillraceError("usage", "--key takes a write key: letters, digits and . _ ~ + / - =");
}

async function eventOf({ event: file }: BenchOptions, { cwd }: CliContext): Promise<Readonly<Record<string, unknown>>> {
  if (file === undefined) return BENCH_EVENT;
  let event: unknown;
  try {
    event = JSON.parse(await readFile(path.resolve(cwd, file), "utf8"));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new MillraceError("usage", `--event ${file} cannot be read: ${reason}`, { cause: error });
  }
  if (typeof event === "object" && event !== null && !Array.isArray(event)) return { ...event };
  throw new MillraceError("usage", `--event ${file} must hold one event: a JSON object`);
}

/** Why there is no point in a load, from what became of one request. */
function obstacleOf({ answered, failures, firstRefusal }: LoadResult, url: URL): string | undefined {
  if (firstRefusal !== undefined) {
    const what = firstRefusal.body.trim().slice(0, 500);
    return `${url.origin} answers ${firstRefusal.status}${WHY[firstRefusal.status] ?? ""}${what === "" ? "" : `\n  ${what}`}`;
  }
  if (answered > 0) return undefined;
  const [reason = `no connection within ${PROBE_SECONDS} s`] = Object.keys(failures);
  return `${url.origin} cannot be reached: ${reason}`;
}

const WHY: Readonly<Record<number, string>> = {
  400: ": it does not take the event; give it one that is valid there with --event",
  401: ": it does not know this --key",
  403: ": it does not let this --key send from here",
  404: ": there is no event port at this path",
  413: ": the request is too large for it",
  429: ": it takes no more now",
};

function failed(message: string, { json }: BenchOptions, { stderr, env }: CliContext): number {
  if (json) printJsonError(stderr, { code: "bench_failed", message });
  else printLine(stderr, `${painter(stderr, env)("red", "error:")} ${message}`);
  return EXIT.failed;
}

/** The metrics once nothing is held any more, or after a while. */
async function drained(metrics: URL): Promise<Scrape> {
  const deadlineMs = performance.now() + DRAIN_MS;
  for (;;) {
    const now = await scrape(metrics);
    if (now.sum("millrace_ledger_held_events") === 0 || performance.now() > deadlineMs) return now;
    await sleep(DRAIN_POLL_MS);
  }
}

function collectorFigures(before: Scrape, after: Scrape): NonNullable<BenchReport["collector"]> {
  const events = after.riseSince(before, "millrace_ingest_accepted_events_total");
  const cpuSeconds = after.riseSince(before, "process_cpu_seconds_total");
  return {
    events,
    cpuMicrosPerEvent: events === 0 ? null : (cpuSeconds * 1e6) / events,
    cores: (cpuSeconds * 1_000) / (after.atMs - before.atMs),
    heldEvents: after.sum("millrace_ledger_held_events"),
  };
}

/** On a terminal one line that changes, elsewhere a line a second. */
function progressTo({ stderr }: CliContext, seconds: number): { show(now: LoadProgress): void; end(): void } {
  const onTerminal = stderr.isTTY === true;
  return {
    show({ elapsedMs, answered, failed: unanswered }) {
      const failures = unanswered === 0 ? "" : `, ${unanswered} failed`;
      const line = `${Math.round(elapsedMs / 1_000)} of ${seconds} s, ${answered} requests answered${failures}`;
      if (onTerminal) showLine(stderr, line);
      else printLine(stderr, line);
    },
    end() {
      if (onTerminal) clearLine(stderr);
    },
  };
}
