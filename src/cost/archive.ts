import { charge, type Item, item } from "./charge.ts";
import { counted, figure } from "./figure.ts";
import type { PriceList } from "./prices.ts";
import { inGb, traffic, type Workload } from "./workload.ts";

/** Events straight to S3, compressed: the bill of the month in which `monthsKept` months are there. */
export function s3Archive(load: Workload, prices: PriceList): Item {
  const gb = inGb(traffic(load).eventsPerMonth * load.eventBytes) / load.compressionRatio;
  const { hoursPerMonth: hours, minNodes: nodes } = load;
  const objects = (nodes * hours * 60) / load.objectMinutes;
  const months = counted(load.monthsKept, "month");
  return item(`S3, gzip, ${months} kept`, `${figure(gb)} GB a month`, [
    charge(
      prices,
      "s3GbMonth",
      gb * load.monthsKept,
      `${figure(gb)} GB a month (${load.eventBytes} B an event ÷ ${load.compressionRatio}) × ${months}`,
    ),
    charge(prices, "s3Put", objects / 1_000, `${nodes} nodes, an object each ${load.objectMinutes} min × ${hours} h`),
  ]);
}
