import { expect, test } from "vitest";
import { liveWorkload } from "./live-workload.ts";
import { Scrape } from "./metrics-text.ts";

const BEFORE = `
# HELP process_cpu_seconds_total Total user and system CPU time spent in seconds.
process_cpu_seconds_total{worker="0"} 100
process_cpu_seconds_total{worker="supervisor"} 10
millrace_ingest_requests_total{route="events",status="201",worker="0"} 1000
millrace_ingest_requests_total{route="livez",status="200",worker="0"} 50
millrace_ingest_accepted_events_total{source="web",worker="0"} 2000
millrace_ingest_body_wire_bytes_total{worker="0"} 1000000
millrace_journal_written_bytes_total{worker="0"} 1000000
millrace_ingest_connections{worker="0"} 90
`;

const AFTER = `
process_cpu_seconds_total{worker="0"} 100.9
process_cpu_seconds_total{worker="supervisor"} 10.1
millrace_ingest_requests_total{route="events",status="201",worker="0"} 11000
millrace_ingest_requests_total{route="livez",status="200",worker="0"} 99
millrace_ingest_accepted_events_total{source="web",worker="0"} 22000
millrace_ingest_body_wire_bytes_total{worker="0"} 9000000
millrace_journal_written_bytes_total{worker="0"} 13000000
millrace_ingest_connections{worker="0"} 110
`;

const before = new Scrape(BEFORE, 1_000);

test("rate, sizes, CPU and open connections come from what the counters rose by between two scrapes", () => {
  const live = liveWorkload(before, new Scrape(AFTER, 11_000), { requestsPerConnection: 20 });
  // 1,000 requests/s on 50 new connections/s, of which 100 are open: each for two seconds.
  expect(live?.measured).toEqual({
    eventsPerHour: 7.2e6,
    eventsPerRequest: 2,
    wireBytesPerEvent: 400,
    eventBytes: 600,
    cpuMicrosPerEvent: expect.closeTo(50),
    connectionSeconds: expect.closeTo(2),
  });
});

test("what the counters cannot tell is said, with what is assumed in its place", () => {
  const unknown = liveWorkload(before, new Scrape(AFTER, 11_000))?.unknown.join("\n");
  for (const word of ["New connections", "The peak", "Headers", "Compression", "TLS", "--requests-per-connection"])
    expect(unknown).toContain(word);
});

test("CPU that was measured with TLS has it, so none is added", () => {
  const tls = `${AFTER}millrace_tls_certificate_expiry_seconds{worker="0"} 2000000000\n`;
  const live = liveWorkload(before, new Scrape(tls, 11_000));
  expect(live?.measured).toMatchObject({ tlsMicrosPerRequest: 0, handshakeMicros: 0 });
  expect(live?.unknown.join("\n")).not.toContain("TLS");
});

test("a counter that fell is that of a new process, and counts from 0", () => {
  const restarted = AFTER.replace('{worker="0"} 13000000', '{worker="0"} 500000');
  expect(liveWorkload(before, new Scrape(restarted, 11_000))?.measured.eventBytes).toBe(25);
});

test("without accepted events there is nothing to measure", () => {
  expect(liveWorkload(before, new Scrape(BEFORE, 11_000))).toBeUndefined();
});
