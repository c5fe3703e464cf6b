import type { TestName } from "./result.ts";

/** Where the peers' figures are from. They are quoted, not measured by this benchmark. */
export const PEERS_SOURCE =
  "measured on a similar machine, 2026-11: the same tests, of events that were acknowledged with 201";

/** What others did in these tests. `—`: not on record. */
export const PEERS: Readonly<Record<TestName, readonly string[]>> = {
  "kill -9 under load": [
    "Fluent Bit in memory: 1,125 of 5,000 lost; on its disk: 0",
    "Elixir (the original's design): 532 lost",
    "Express: 442 lost",
  ],
  "SIGTERM while the sink is down": [
    "Fluent Bit, even on its disk: 5,000 of 5,000 lost",
    "Elixir: 5,000 lost",
    "Express: 5,000 lost",
  ],
  "sink down for 30 s": ["Fluent Bit: 21,776 of 30,000 lost", "Elixir: 0 lost", "Express: 0 lost, at 310 MB"],
  "10 s of partial failures": ["Fluent Bit: 677 lost and 4,900 doubled of 10,000", "Elixir, Express: —"],
  "hostile bodies among good ones": [
    "Fluent Bit: [5] is answered 201, and every later event of anyone in that chunk is lost; big integers become floats, duplicate keys collapse",
    "Elixir, Express: —",
  ],
  "saturation for 30 s, 1 event a request": [
    "Elixir: went on answering 201 at 1.35 GB",
    "Fluent Bit: went on answering 201 at 1.56 GB",
    "Express: —",
  ],
  "saturation for 30 s, 20 events a request": ["—"],
};
