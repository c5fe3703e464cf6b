import { charge, type Item, item } from "./charge.ts";
import { counted, figure } from "./figure.ts";
import type { PriceList } from "./prices.ts";
import { inGb, traffic, type Workload } from "./workload.ts";

/** Formats of the `kinesis` sink. */
export type StreamFormat = "none" | "kpl" | "ndjson";

/** https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html: what a shard takes a second. */
const SHARD_RECORDS_PER_SECOND = 1_000;
const SHARD_BYTES_PER_SECOND = 1_000_000;
/** https://aws.amazon.com/kinesis/data-streams/pricing/: a PUT unit, and what on-demand rounds a record up to. */
const PUT_UNIT_BYTES = 25 * 1024;
const ON_DEMAND_STEP_BYTES = 1024;
/** What a UUID as partition key adds to each record; it counts for shards, not for the bill. */
const KEY_BYTES = 36;
/** What the KPL's format adds to an event, and NDJSON. */
const KPL_BYTES_PER_EVENT = 10;
const NDJSON_BYTES_PER_EVENT = 1;
/** What the `kinesis` sink fills a compressed record with, before compression (`recordBytes`). */
const COMPRESSED_RECORD_BYTES = 128 * 1024;

const FORMAT_NAMES: Readonly<Record<StreamFormat, string>> = {
  none: "one event a record",
  kpl: "kpl",
  ndjson: "ndjson+zstd",
};

interface Records {
  /** Average, since the last of a batch may be smaller. */
  readonly perSecond: number;
  readonly bytes: number;
}

/** Provisioned: shards for the peak, by records and by bytes, with headroom; and PUT units. */
export function kinesisProvisioned(load: Workload, prices: PriceList, format: StreamFormat): Item {
  const records = recordsOf(load, format);
  const headroom = load.peakFactor / load.shardUtilisation;
  const byRecords = (records.perSecond * headroom) / SHARD_RECORDS_PER_SECOND;
  const byBytes = (records.perSecond * (records.bytes + KEY_BYTES) * headroom) / SHARD_BYTES_PER_SECOND;
  const shards = Math.max(1, Math.ceil(Math.max(byRecords, byBytes)));
  const reason = byRecords > byBytes ? "records" : "bytes";
  const unitsPerRecord = Math.ceil(records.bytes / PUT_UNIT_BYTES);
  const { hoursPerMonth: hours } = load;
  const millionUnits = (records.perSecond * 3_600 * hours * unitsPerRecord) / 1e6;
  return item(`Kinesis provisioned, ${FORMAT_NAMES[format]}`, `${counted(shards, "shard")}, for ${reason}`, [
    charge(
      prices,
      "kinesisShardHour",
      shards * hours,
      `${counted(shards, "shard")} × ${hours} h, for ${figure(records.perSecond)} records/s of ${figure(records.bytes)} B × ${load.peakFactor} at the peak ÷ ${load.shardUtilisation}`,
    ),
    charge(prices, "kinesisPutUnit", millionUnits, `${unitsPerRecord} a record`),
  ]);
}

/** On-demand: each record is rounded up on its way in, and not on its way out. */
export function kinesisOnDemand(load: Workload, prices: PriceList, format: StreamFormat): Item {
  const records = recordsOf(load, format);
  const { hoursPerMonth: hours, readers } = load;
  const perMonth = records.perSecond * 3_600 * hours;
  const billed = Math.ceil(records.bytes / ON_DEMAND_STEP_BYTES) * ON_DEMAND_STEP_BYTES;
  const gbIn = inGb(perMonth * billed);
  return item(`Kinesis on-demand, ${FORMAT_NAMES[format]}`, `${figure(gbIn)} GB in, ${counted(readers, "reader")}`, [
    charge(prices, "kinesisStreamHour", hours, `1 stream × ${hours} h`),
    charge(prices, "kinesisGbIn", gbIn, `records of ${figure(records.bytes)} B, rounded up to ${figure(billed)} B`),
    charge(
      prices,
      "kinesisGbOut",
      inGb(perMonth * records.bytes) * readers,
      `to ${counted(readers, "reader")}, not rounded`,
    ),
  ]);
}

function recordsOf(load: Workload, format: StreamFormat): Records {
  const { eventsPerSecond } = traffic(load);
  switch (format) {
    case "none":
      return { perSecond: eventsPerSecond, bytes: load.eventBytes };
    case "kpl":
      return filled(eventsPerSecond, load.eventBytes + KPL_BYTES_PER_EVENT, PUT_UNIT_BYTES, 1);
    case "ndjson": {
      const line = load.eventBytes + NDJSON_BYTES_PER_EVENT;
      return filled(eventsPerSecond, line, COMPRESSED_RECORD_BYTES, load.compressionRatio);
    }
  }
}

/** Records filled with as many whole events as fit, then compressed. */
function filled(eventsPerSecond: number, eventBytes: number, recordBytes: number, ratio: number): Records {
  const events = Math.max(1, Math.floor(recordBytes / eventBytes));
  return { perSecond: eventsPerSecond / events, bytes: (events * eventBytes) / ratio };
}
