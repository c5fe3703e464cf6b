import type { Health } from "./health.ts";
import type { SinkView, WorkerView } from "./worker-protocol.ts";

/** The view of one worker, with the slot it is of. */
export interface SlotView {
  readonly slot: string;
  readonly task: "serve" | "empty";
  readonly view: WorkerView;
}

/**
 * Whether a load balancer should send events to this node. A worker that is being restarted
 * is no reason against it, as long as another one serves.
 */
export function nodeHealth(views: readonly SlotView[], draining: boolean, hopeless: boolean): Health {
  const serving = views.filter(({ task }) => task === "serve");
  const reasons = draining ? ["draining"] : serving.flatMap(({ slot, view }) => reasonsOf(slot, view, serving.length));
  if (!draining && serving.length === 0) reasons.push("no worker serves");
  if (hopeless) reasons.push("every worker crashes again and again");
  return { live: !hopeless, ready: reasons.length === 0, reasons };
}

function reasonsOf(slot: string, { health }: WorkerView, workers: number): readonly string[] {
  return workers === 1 ? health.reasons : health.reasons.map((reason) => `worker ${slot}: ${reason}`);
}

const WORST_FIRST = ["open", "failing", "ok"] as const;

/** The sinks of all workers, each as its worst worker has it, with the sum of what is under way and behind. */
export function nodeSinks(views: readonly SlotView[]): SinkView[] {
  const bySink = new Map<string, SinkView>();
  for (const { view } of views) {
    for (const sink of view.sinks) {
      const others = bySink.get(sink.sink);
      bySink.set(sink.sink, others === undefined ? sink : together(others, sink));
    }
  }
  return [...bySink.values()];
}

function together(a: SinkView, b: SinkView): SinkView {
  const worse = worseOf(a, b);
  return {
    sink: a.sink,
    state: worse.state,
    sinceMs: worse.sinceMs,
    lastError: worse.lastError ?? a.lastError ?? b.lastError,
    inFlight: a.inFlight + b.inFlight,
    lagEvents: a.lagEvents + b.lagEvents,
    lagBytes: a.lagBytes + b.lagBytes,
    lagMs: Math.max(a.lagMs, b.lagMs),
  };
}

function worseOf(a: SinkView, b: SinkView): SinkView {
  const [inA, inB] = [WORST_FIRST.indexOf(a.state), WORST_FIRST.indexOf(b.state)];
  if (inA !== inB) return inA < inB ? a : b;
  return a.sinceMs <= b.sinceMs ? a : b;
}
