/**
 * CPU of the collector for an event, as `npm run bench` measured it: HTTP/1.1 without TLS,
 * events of 565 bytes checked against a schema of 12 rules, journalled with durability `os`,
 * and delivered to Kinesis over TLS, one event a record. `npm run bench:publish` writes the
 * medians of `bench/baseline.json` here.
 */
export const MEASURED_CPU = {
  source: "docs/benchmarks.md: Millrace, Kinesis none, on cores of an AMD EPYC",
  perRequest: [
    { events: 1, microsPerEvent: 33.8 },
    { events: 20, microsPerEvent: 13.9 },
  ],
  /** docs/decisions/0011-tls-in-the-process.md: 26 µs a request with TLS 1.3, 20 µs plain. */
  tlsMicrosPerRequest: 6,
  /** There too: a new connection with an ECDSA certificate costs 0.55 ms with its first request, which alone is 20 µs. */
  handshakeMicros: 530,
} as const;

/** A request costs something, and each event in it something more: both follow from two measurements. */
export function measuredMicrosPerEvent(eventsPerRequest: number): number {
  const [one, many] = MEASURED_CPU.perRequest;
  const microsPerRequest = (one.microsPerEvent - many.microsPerEvent) / (1 / one.events - 1 / many.events);
  return one.microsPerEvent - microsPerRequest * (1 / one.events - 1 / eventsPerRequest);
}
