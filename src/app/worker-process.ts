/**
 * The program of a worker process, which the supervisor forks. It learns all it needs from
 * its supervisor and ends with it.
 */
import type { Logger } from "pino";
import { ParentLink } from "../supervisor/parent-link.ts";
import type { SlotStatus } from "../core/deliveries.ts";
import { MillraceError } from "../core/errors.ts";
import type { Certificate } from "../ingest/tls/certificate.ts";
import { compileSchemas } from "../schemas/registry.ts";
import { createLogger } from "../telemetry/log.ts";
import { stopSignal } from "./stop-signals.ts";
import { Worker } from "./worker.ts";
import {
  type LastWords,
  received,
  type Settings,
  type SupervisorQuestion,
  type WorkerQuestion,
  type WorkerReady,
  type WorkerStart,
} from "./worker-protocol.ts";

/** Longest time for the requests under way when the supervisor is gone: another one may be waiting for the slot. */
const ABANDON_MS = 2_000;

/** For the last line of the log to be written. */
const LAST_LINE_MS = 300;

/**
 * Longest time to end in order when the supervisor is gone: a disk that does not answer would
 * keep the slot locked. Within what the next worker waits for the lock.
 */
const ORPHANED_MS = 5_000;

/** How often a worker that empties its slot looks whether it has. */
const EMPTY_CHECK_MS = 100;

/** Another worker is asked through the supervisor, and the sender waits. */
const STATUS_TIMEOUT_MS = 2_000;

/** Longest time to let go of what is still open, once all is saved. */
const LINGER_MS = 1_000;

// A reader of our output that goes away is no failure of ours.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

const { link, start: message } = await ParentLink.connect();
await run(received<WorkerStart>(message));
setTimeout(() => process.exit(), LINGER_MS).unref();

async function run(start: WorkerStart): Promise<void> {
  const { slot, task, servingWorkers, port, certificate, crashes, isReplacement } = start;
  const alone = servingWorkers === 1 && task === "serve";
  const root = await createLogger({ ...start.logging, stream: process.stderr });
  const log = alone ? root : root.child({ worker: slot });
  // A terminal's Ctrl-C reaches us too. A hangup is the supervisor's to understand.
  const signalled = stopSignal(() => {});
  const told = Promise.withResolvers<"drain">();
  const orphaned = Promise.withResolvers<"orphaned">();
  link.onStop((why) => {
    if (why === "drain") {
      told.resolve("drain");
      return;
    }
    orphaned.resolve("orphaned");
    setTimeout(() => endAtOnce(log), ORPHANED_MS).unref();
  });

  let worker: Worker;
  try {
    worker = await Worker.start({
      slot,
      settings: await liveSettings(start.settings),
      serving: task === "serve" ? { port, servingWorkers, handover: { earlier: certificate, keep } } : undefined,
      crashes,
      isReplacement,
      statusIn: (inSlot, position) => statusIn({ kind: "status", slot: inSlot, position }),
      sendCounts: async (report, timeoutMs) =>
        received(await link.ask({ kind: "counts", report } satisfies SupervisorQuestion, timeoutMs)),
      log,
    });
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    await link.failed(error);
    process.exitCode = 1;
    return;
  }
  link.progress = () => worker.progress;
  link.onQuestion((question) => answer(worker, received<WorkerQuestion>(question)));
  link.ready({ port: worker.port } satisfies WorkerReady);

  const signal = signalled.then(() => "drain" as const);
  const cause = await Promise.race([told.promise, orphaned.promise, signal, whenEmpty(worker, task)]);
  const second = signalled.then(({ second: again }) => again);
  const drained = cause === "drain" ? worker.drain() : Promise.resolve();
  const end = await Promise.race([drained, orphaned.promise, second]);
  if (end === "second signal") process.exit(1);
  if (cause === "orphaned" || end === "orphaned") {
    log.warn("the supervisor is gone; finishing what is at hand and ending");
    await worker.abandon(ABANDON_MS);
  }
  await link.end({
    ledger: worker.ledger.checkpoint(),
    lost: worker.lostEvents(),
    isEmpty: worker.isEmpty,
  } satisfies LastWords);
}

/** Nobody else would. What was acknowledged is with the kernel, and the next start finds it. */
function endAtOnce(log: Logger): void {
  log.error(
    "could not end in order in time without a supervisor; ending at once. Does the disk of the journal answer?",
  );
  // Lines are written in the background. An exit would wait for all that the thread pool has under way.
  setTimeout(() => process.kill(process.pid, "SIGKILL"), LAST_LINE_MS);
}

function answer(worker: Worker, question: WorkerQuestion): Promise<unknown> {
  switch (question.kind) {
    case "view":
      return Promise.resolve(worker.view());
    case "metrics":
      return worker.metrics();
    case "events":
      return Promise.resolve(worker.eventsInMemory(question.sink));
    case "status":
      return Promise.resolve(worker.statusOf(question.position));
    case "apply":
      return apply(worker, question.settings);
  }
}

/** Puts settings into force, or says what was wrong with them. */
async function apply(worker: Worker, settings: Settings): Promise<string | undefined> {
  try {
    await worker.apply(await liveSettings(settings));
    return undefined;
  } catch (error) {
    if (error instanceof MillraceError) return error.message;
    throw error;
  }
}

/** The supervisor has checked all of it. */
async function liveSettings({ config, schemas }: Settings) {
  return { config, schemas: await compileSchemas(config.schemas, schemas, true) };
}

/** Without an answer all is as before: only a replacement that finds the files invalid would miss it. */
function keep(certificate: Certificate): void {
  const question: SupervisorQuestion = { kind: "certificate", certificate };
  link.ask(question, STATUS_TIMEOUT_MS).catch(() => {});
}

async function statusIn(question: SupervisorQuestion): Promise<SlotStatus> {
  try {
    return received<SlotStatus>(await link.ask(question, STATUS_TIMEOUT_MS));
  } catch {
    return { kind: "no_answer" };
  }
}

/** Never, for a worker that serves. */
function whenEmpty(worker: Worker, task: WorkerStart["task"]): Promise<"drain"> {
  return new Promise((resolve) => {
    if (task === "serve") return;
    const timer = setInterval(() => {
      if (!worker.isEmpty) return;
      clearInterval(timer);
      resolve("drain");
    }, EMPTY_CHECK_MS);
  });
}
