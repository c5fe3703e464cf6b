/** A collector of others, as it was measured elsewhere. */
export interface Peer {
  readonly name: string;
  /** CPU an event in µs, at 1 and at 20 events a request. */
  readonly microsPerEvent: readonly [one: number, twenty: number];
  /** Largest resident set of all its processes, in MB, at 1 and at 20. */
  readonly peakRssMb: readonly [one: number, twenty: number];
}

/**
 * Measured in November 2026 on a similar machine: one core, the same events of 565 bytes, 64
 * keep-alive connections, the whole process's CPU until the last acknowledged event was in a
 * PutRecords stand-in over TLS; medians of five alternated rounds, ±20 %. So what counts is
 * their ratio to the floor of that run.
 */
export const PEERS: readonly Peer[] = [
  { name: "Fluent Bit 5.1", microsPerEvent: [43, 14.5], peakRssMb: [51, 474] },
  { name: "Elixir, Bandit", microsPerEvent: [103, 55], peakRssMb: [247, 668] },
  { name: "Elixir, Cowboy", microsPerEvent: [134, 61], peakRssMb: [199, 577] },
  { name: "Express 5, AWS SDK", microsPerEvent: [206, 37], peakRssMb: [155, 228] },
];

/** nginx `return 201` in that run. */
export const PEERS_FLOOR: Peer = { name: "nginx return 201", microsPerEvent: [7.8, 0.56], peakRssMb: [7, 7] };
