import { charge, type Item, item } from "./charge.ts";
import { figure } from "./figure.ts";
import type { PriceList } from "./prices.ts";
import { traffic, type Workload } from "./workload.ts";

/** From its own account: 60 to 80 shards at the peak, and a function that takes about 2,000 events at a time. */
const SHARDS = 60;
const EVENTS_PER_BATCH = 2_000;
/** Assumed, since nobody wrote it down: half a millisecond an event in half a GB. It makes little of the bill. */
const LAMBDA_MILLIS_PER_EVENT = 0.5;
const LAMBDA_GB = 0.5;

/** The stream that API Gateway fed. The least number of shards that was told, whatever the rate. */
export function originalStream(load: Workload, prices: PriceList): Item {
  const { hoursPerMonth: hours } = load;
  const millionRecords = traffic(load).eventsPerMonth / 1e6;
  return item("The original's first stream", `${SHARDS} shards, of 60–80`, [
    charge(prices, "kinesisShardHour", SHARDS * hours, `${SHARDS} shards × ${hours} h`),
    charge(prices, "kinesisPutUnit", millionRecords, "a record for each event"),
  ]);
}

export function originalLambda(load: Workload, prices: PriceList): Item {
  const { eventsPerMonth } = traffic(load);
  const seconds = (eventsPerMonth * LAMBDA_MILLIS_PER_EVENT) / 1_000;
  return item("The original's Lambda", `batches of ${figure(EVENTS_PER_BATCH)}`, [
    charge(prices, "lambdaRequest", eventsPerMonth / EVENTS_PER_BATCH / 1e6, `${figure(EVENTS_PER_BATCH)} events each`),
    charge(
      prices,
      "lambdaGbSecond",
      seconds * LAMBDA_GB,
      `${LAMBDA_MILLIS_PER_EVENT} ms an event × ${LAMBDA_GB} GB, assumed`,
    ),
  ]);
}

/** What it replaced API Gateway and Lambda by, at 12 million events an hour: nodes, CPU of each, and dollars a month. */
export const ORIGINAL_ELIXIR = [
  { name: "least", nodes: 3, cpusPerNode: 0.6, usd: 59 },
  { name: "average", nodes: 4, cpusPerNode: 1.1, usd: 174 },
  { name: "most", nodes: 5, cpusPerNode: 1.8, usd: 397 },
] as const;

/**
 * Figures as the original gave them. They are quoted and not computed: the dollars are $33,
 * $40 and $44 for each CPU in use, and no price of nodes, CPU and memory gives all three.
 */
export function originalElixir(): Item[] {
  return ORIGINAL_ELIXIR.map(({ name, nodes, cpusPerNode, usd }) => ({
    name: `The original's Elixir nodes, ${name}`,
    usd,
    size: `${nodes} nodes × ${cpusPerNode} CPU, quoted`,
    charges: [],
    quoted: "the original's own figure for 12 M events an hour, whatever rate is asked for",
  }));
}
