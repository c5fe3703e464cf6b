import { INPUTS, type InputName } from "./inputs.ts";
import { measuredMicrosPerEvent } from "./measured-cpu.ts";

/** All that a bill depends on beside the prices: a figure for each of `INPUTS`. */
export type Workload = Readonly<Record<InputName, number>>;

/** AWS bills a GB as 2^30 bytes. */
const GB = 2 ** 30;

/** The figures that are given, and for the others what is usual. */
export function workload(given: Partial<Workload> = {}): Workload {
  const usual = (name: InputName): number => given[name] ?? INPUTS[name].usual ?? 0;
  const eventBytes = usual("eventBytes");
  const eventsPerRequest = usual("eventsPerRequest");
  return {
    eventsPerHour: usual("eventsPerHour"),
    eventBytes,
    wireBytesPerEvent: given.wireBytesPerEvent ?? eventBytes,
    eventsPerRequest,
    requestsPerConnection: usual("requestsPerConnection"),
    connectionSeconds: usual("connectionSeconds"),
    requestOverheadBytes: usual("requestOverheadBytes"),
    answerBytes: usual("answerBytes"),
    handshakeBytes: usual("handshakeBytes"),
    peakFactor: usual("peakFactor"),
    shardUtilisation: usual("shardUtilisation"),
    cpuUtilisation: usual("cpuUtilisation"),
    minNodes: usual("minNodes"),
    cpuMicrosPerEvent: given.cpuMicrosPerEvent ?? measuredMicrosPerEvent(eventsPerRequest),
    tlsMicrosPerRequest: usual("tlsMicrosPerRequest"),
    handshakeMicros: usual("handshakeMicros"),
    compressionRatio: usual("compressionRatio"),
    readers: usual("readers"),
    monthsKept: usual("monthsKept"),
    objectMinutes: usual("objectMinutes"),
    journalGb: usual("journalGb"),
    hoursPerMonth: usual("hoursPerMonth"),
  };
}

export interface Traffic {
  readonly eventsPerMonth: number;
  readonly requestsPerMonth: number;
  readonly eventsPerSecond: number;
  readonly requestsPerSecond: number;
  readonly connectionsPerSecond: number;
  readonly openConnections: number;
}

/** What a workload comes to, on average. */
export function traffic(load: Workload): Traffic {
  const eventsPerSecond = load.eventsPerHour / 3_600;
  const requestsPerSecond = eventsPerSecond / load.eventsPerRequest;
  const connectionsPerSecond = requestsPerSecond / load.requestsPerConnection;
  return {
    eventsPerMonth: load.eventsPerHour * load.hoursPerMonth,
    requestsPerMonth: (load.eventsPerHour * load.hoursPerMonth) / load.eventsPerRequest,
    eventsPerSecond,
    requestsPerSecond,
    connectionsPerSecond,
    openConnections: connectionsPerSecond * load.connectionSeconds,
  };
}

export function inGb(bytes: number): number {
  return bytes / GB;
}
