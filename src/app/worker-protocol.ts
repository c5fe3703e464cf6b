import type { MetricObjectWithValues, MetricValue } from "prom-client";
import type { CountReport } from "../alerts/count-report.ts";
import type { SinkStatus } from "../core/deliveries.ts";
import type { Position } from "../core/event.ts";
import type { Checkpoint } from "../core/ledger.ts";
import type { Certificate } from "../ingest/tls/certificate.ts";
import type { SchemaTexts } from "../schemas/registry.ts";
import type { LogLevel } from "../telemetry/log.ts";
import type { MillraceConfig } from "./config.ts";
import type { Health } from "./health.ts";

/** The configuration that can change while events flow, as it is sent to workers. */
export interface Settings {
  readonly config: MillraceConfig;
  readonly schemas: SchemaTexts;
}

/** What a worker is told when it starts. */
export interface WorkerStart {
  readonly slot: string;
  /** `serve`: take events in. `empty`: only deliver what the slot holds, and end. */
  readonly task: "serve" | "empty";
  readonly settings: Settings;
  /** The port to listen on; 0: any. */
  readonly port: number;
  /** What workers of this collector served last with TLS. It holds the private key: not for the log. */
  readonly certificate: Certificate | undefined;
  /** Workers that listen on the port together. */
  readonly servingWorkers: number;
  readonly logging: { readonly level: LogLevel; readonly format: "json" | "pretty"; readonly colours: boolean };
  /** Whether an earlier worker of this slot was at work since the supervisor started: what it lost counts. */
  readonly isReplacement: boolean;
  /** How often workers of this slot died of their own fault since each sink last got any further. */
  readonly crashes: Readonly<Record<string, number>>;
}

/** What a worker reports once it works. */
export interface WorkerReady {
  /** The event port; 0 for one that only empties its slot. */
  readonly port: number;
}

/** What the supervisor asks a worker, and what it answers. */
export interface WorkerQuestions {
  readonly view: { readonly asks: { readonly kind: "view" }; readonly answer: WorkerView };
  readonly metrics: { readonly asks: { readonly kind: "metrics" }; readonly answer: MetricFamilies };
  readonly events: {
    readonly asks: { readonly kind: "events"; readonly sink: string };
    readonly answer: readonly string[] | undefined;
  };
  readonly status: {
    readonly asks: { readonly kind: "status"; readonly position: Position };
    readonly answer: readonly SinkStatus[] | undefined;
  };
  /** Answers with what was wrong, in words; `undefined` when the settings are in force. */
  readonly apply: {
    readonly asks: { readonly kind: "apply"; readonly settings: Settings };
    readonly answer: string | undefined;
  };
}

export type WorkerQuestion = WorkerQuestions[keyof WorkerQuestions]["asks"];

export type MetricFamilies = MetricObjectWithValues<MetricValue<string>>[];

/** How a worker is doing. */
export interface WorkerView {
  readonly health: Health;
  readonly ledger: Checkpoint;
  /** Bytes that the journal holds, as a part of its budget. */
  readonly journalFraction: number;
  readonly sinks: readonly SinkView[];
}

export interface SinkView {
  readonly sink: string;
  readonly state: "ok" | "failing" | "open";
  readonly sinceMs: number;
  readonly lastError: string | undefined;
  readonly inFlight: number;
  readonly lagEvents: number;
  readonly lagBytes: number;
  readonly lagMs: number;
}

/** What a worker asks its supervisor. */
export type SupervisorQuestion =
  /** The fate of an event in another slot. The answer is a `SlotStatus`. */
  | { readonly kind: "status"; readonly slot: string; readonly position: Position }
  /** To keep what is served, for those that start later. There is no answer. */
  | { readonly kind: "certificate"; readonly certificate: Certificate }
  /** To take what was counted for the rules of a sink. The answer is a `CountAnswer`. */
  | { readonly kind: "counts"; readonly report: CountReport };

/** What a worker says as it ends. */
export interface LastWords {
  readonly ledger: Checkpoint;
  /** Acknowledged events that it could not keep. */
  readonly lost: number;
  /** Whether every sink has settled every event of the slot. */
  readonly isEmpty: boolean;
}

/** What came from the other process. It runs this program in this version, so it is what was sent. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the reader knows what was sent
export function received<Message>(message: unknown): Message {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- checked where it was sent, by its type
  return message as Message;
}
