import { MEASURED_CPU } from "./measured-cpu.ts";

/** A figure that a bill depends on, as the command line takes it. */
export interface Input {
  readonly flag: string;
  readonly meaning: string;
  /** `undefined`: it follows from others, as `meaning` says. */
  readonly usual: number | undefined;
  readonly least: number;
  readonly most: number;
  readonly whole?: boolean;
}

export const INPUTS = {
  eventsPerHour: { flag: "events-per-hour", meaning: "events an hour, on average", usual: 12e6, least: 1, most: 1e10 },
  eventBytes: {
    flag: "event-bytes",
    meaning: "bytes of an event as it is delivered, with what the collector adds",
    usual: 500,
    least: 1,
    most: 1e6,
  },
  wireBytesPerEvent: {
    flag: "wire-bytes",
    meaning: "bytes of an event in the request body, less if senders compress; otherwise as --event-bytes",
    usual: undefined,
    least: 1,
    most: 1e6,
  },
  eventsPerRequest: { flag: "events-per-request", meaning: "events in a request", usual: 1, least: 1, most: 1e5 },
  requestsPerConnection: {
    flag: "requests-per-connection",
    meaning: "requests that share a connection",
    usual: 5,
    least: 1,
    most: 1e9,
  },
  connectionSeconds: {
    flag: "connection-seconds",
    meaning: "how long a connection stays open",
    usual: 60,
    least: 0,
    most: 1e6,
  },
  requestOverheadBytes: {
    flag: "request-overhead-bytes",
    meaning: "bytes of a request beside its body: header and TLS records",
    usual: 500,
    least: 0,
    most: 1e6,
  },
  answerBytes: { flag: "answer-bytes", meaning: "bytes of an answer on the wire", usual: 280, least: 0, most: 1e6 },
  handshakeBytes: {
    flag: "handshake-bytes",
    meaning: "bytes of a TLS handshake, both ways; half of it towards the client",
    usual: 4_000,
    least: 0,
    most: 1e6,
  },
  peakFactor: { flag: "peak-factor", meaning: "busiest time to the average", usual: 3, least: 1, most: 1e3 },
  shardUtilisation: {
    flag: "shard-utilisation",
    meaning: "how full a shard may be at the peak, of 1",
    usual: 0.8,
    least: 0.01,
    most: 1,
  },
  cpuUtilisation: {
    flag: "cpu-utilisation",
    meaning: "how busy a node may be at the peak, of 1: at 0.5 one of two can carry all",
    usual: 0.5,
    least: 0.01,
    most: 1,
  },
  minNodes: {
    flag: "min-nodes",
    meaning: "nodes to have at least, so that one may fail",
    usual: 2,
    least: 1,
    most: 1e4,
    whole: true,
  },
  cpuMicrosPerEvent: {
    flag: "cpu-micros-per-event",
    meaning: "CPU of the collector for an event, without TLS, in µs; otherwise as measured at --events-per-request",
    usual: undefined,
    least: 0.01,
    most: 1e6,
  },
  tlsMicrosPerRequest: {
    flag: "tls-micros-per-request",
    meaning: "what TLS in the process adds to a request, in µs of CPU",
    usual: MEASURED_CPU.tlsMicrosPerRequest,
    least: 0,
    most: 1e6,
  },
  handshakeMicros: {
    flag: "handshake-micros",
    meaning: "what a new connection costs with TLS in the process, in µs of CPU",
    usual: MEASURED_CPU.handshakeMicros,
    least: 0,
    most: 1e6,
  },
  compressionRatio: {
    flag: "compression-ratio",
    meaning: "how many times smaller gzip and zstd make events",
    usual: 6,
    least: 1,
    most: 1e3,
  },
  readers: {
    flag: "readers",
    meaning: "programs that read the stream, for on-demand",
    usual: 1,
    least: 0,
    most: 100,
    whole: true,
  },
  monthsKept: { flag: "months-kept", meaning: "months that S3 keeps events", usual: 1, least: 0, most: 1e3 },
  objectMinutes: {
    flag: "object-minutes",
    meaning: "minutes of events in an S3 object of a node",
    usual: 5,
    least: 0.1,
    most: 60,
  },
  journalGb: { flag: "journal-gb", meaning: "disk of an EC2 node, in GB", usual: 20, least: 1, most: 1e5 },
  hoursPerMonth: { flag: "hours-per-month", meaning: "hours in a month", usual: 720, least: 1, most: 744 },
} as const satisfies Readonly<Record<string, Input>>;

export type InputName = keyof typeof INPUTS;
