// node bench/archive-formats.ts: what a batch of events is as an object of the s3 sink, in each format:
// its size, and the CPU time of encoding it. The events differ as those of a shop do; where all are
// alike, compression looks better than it is.
import { parseArgs } from "node:util";
import type { CollectedEvent } from "../src/core/event.ts";
import { seededRandom } from "../src/core/seeded-random.ts";
import { createEncoder } from "../src/sinks/s3/encode.ts";
import { numberOption } from "./number-option.ts";

const { values } = parseArgs({
  options: { events: { type: "string", default: "60000" }, rounds: { type: "string", default: "3" } },
});
const count = numberOption("events", values.events, { whole: true });
const rounds = numberOption("rounds", values.rounds, { whole: true });

const AT_MS = Date.parse("2026-11-23T12:00:00Z");
const TYPES = ["page.viewed", "product.viewed", "cart.changed", "checkout.started", "checkout.paid", "search.made"];
const BROWSERS = ["Chrome/142.0.0.0", "Chrome/141.0.0.0", "Firefox/145.0", "Safari/605.1.15", "Edg/142.0.0.0"];
const random = seededRandom(4711);

function one<T>(list: readonly T[]): T | undefined {
  return list[Math.floor(random() * list.length)];
}

function hex(digits: number): string {
  return Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join("");
}

function eventAt(position: number): CollectedEvent {
  const receivedMs = AT_MS + position * 2;
  const id = `${hex(8)}-${hex(4)}-7${hex(3)}-a${hex(3)}-${hex(12)}`;
  const type = one(TYPES) ?? "";
  const product = Math.floor(random() ** 3 * 20_000);
  const json = JSON.stringify({
    specversion: "1.0",
    id,
    type,
    source: "web",
    time: new Date(receivedMs - Math.floor(random() * 5_000)).toISOString(),
    datacontenttype: "application/json",
    data: {
      userId: `usr_${hex(10)}`,
      session: hex(16),
      url: `https://shop.example/products/${product}?ref=${one(["home", "mail", "search", "ad"])}`,
      product: { sku: `MR-${product}`, price: Math.round(random() * 20_000) / 100, quantity: 1 + (product % 3) },
      viewport: { width: one([390, 412, 1280, 1440, 1920]), height: one([667, 800, 900, 1080]) },
      loadMs: Math.floor(random() * 3_000),
    },
    receivedtime: new Date(receivedMs).toISOString(),
    clientip: `203.0.${Math.floor(random() * 255)}.0`,
    useragent: `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) ${one(BROWSERS)}`,
    collector: `node-1/${position}`,
  });
  return { position, id, type, source: "web", receivedMs, bytes: Buffer.from(json) };
}

const events = Array.from({ length: count }, (_, position) => eventAt(position));
const rawBytes = events.reduce((sum, { bytes }) => sum + bytes.length + 1, 0);
console.log(`${count} events, ${Math.round(rawBytes / count)} bytes each, ${mib(rawBytes)} MiB\n`);
console.log("format          object MiB   ratio   CPU µs an event");

for (const settings of [
  { format: "ndjson", compression: "none" },
  { format: "ndjson", compression: "gzip" },
  { format: "ndjson", compression: "zstd" },
  { format: "parquet", compression: "snappy" },
  { format: "parquet", compression: "gzip" },
  { format: "parquet", compression: "zstd" },
] as const) {
  const encoder = createEncoder({ ...settings, columns: [] });
  let bytes = 0;
  let leastMicros = Number.POSITIVE_INFINITY;
  for (let round = 0; round <= rounds; round++) {
    const before = process.cpuUsage();
    bytes = (await encoder.encode(events, new AbortController().signal)).length;
    const { user, system } = process.cpuUsage(before);
    // The first one warms up.
    if (round > 0) leastMicros = Math.min(leastMicros, user + system);
  }
  await encoder.close();
  const name = `${settings.format} ${settings.compression}`.padEnd(16);
  const cpu = (leastMicros / count).toFixed(2);
  console.log(`${name}${mib(bytes).padStart(10)}${(rawBytes / bytes).toFixed(1).padStart(8)}${cpu.padStart(18)}`);
}

function mib(bytes: number): string {
  return (bytes / 1024 ** 2).toFixed(1);
}
