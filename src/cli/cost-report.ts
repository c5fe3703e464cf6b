import type { Bill, Way } from "../cost/bill.ts";
import type { Charge, Item } from "../cost/charge.ts";
import { dollars, figure, unitPrice } from "../cost/figure.ts";
import type { LiveWorkload } from "../cost/live-workload.ts";
import { NOTES, priceNotes, regionsOf } from "../cost/notes.ts";
import type { PriceList } from "../cost/prices.ts";
import { traffic, type Workload } from "../cost/workload.ts";
import type { painter } from "./paint.ts";
import { table } from "./table.ts";
import { wrapText } from "./wrap-text.ts";

/** Columns that all lines keep to. */
const WIDTH = 100;
/** Wide enough for the names of all items, so that the sections line up. */
const NAME_WIDTH = 46;
const USD_WIDTH = 9;

interface CostReport {
  readonly load: Workload;
  readonly bill: Bill;
  readonly prices: PriceList;
  readonly live: LiveWorkload | undefined;
  /** Whether to show what each figure consists of. */
  readonly explain: boolean;
  readonly paint: ReturnType<typeof painter>;
}

/** A bill for people. */
export function costText(report: CostReport): string {
  const { bill, prices, live, explain, paint } = report;
  const lines = [...headLines(report), ""];
  if (live !== undefined) lines.push(...liveLines(live, paint), "");
  for (const { title, items } of bill.sections) {
    lines.push(paint("bold", title.padEnd(NAME_WIDTH + 2) + "$ a month".padStart(USD_WIDTH + 2)));
    for (const item of items) {
      lines.push(row(item.name, item.usd, item.size));
      if (explain) lines.push(...explanation(item, prices).map((line) => paint("dim", line)));
    }
    lines.push("");
  }
  lines.push(paint("bold", "Whole ways, from the client on"));
  for (const way of bill.ways) {
    lines.push(wayRow(way, bill));
    if (explain) lines.push(...sum(way).map((line) => paint("dim", line)));
  }
  lines.push("");
  lines.push(...[...priceNotes(prices), ...NOTES].flatMap((note) => bullet(note)));
  return lines.join("\n");
}

function headLines({ load, prices, paint }: CostReport): string[] {
  const { eventsPerMonth, requestsPerSecond, connectionsPerSecond } = traffic(load);
  const head = `${figure(load.eventsPerHour)} events an hour of ${figure(load.eventBytes)} B: ${figure(eventsPerMonth / 1e6)} M a month of ${load.hoursPerMonth} h, ${regionsOf(prices)}`;
  const rest = `${figure(requestsPerSecond)} requests/s on ${figure(connectionsPerSecond)} new connections/s, ${figure(load.cpuMicrosPerEvent)} µs of CPU an event, peak ${figure(load.peakFactor)} × the average`;
  return [paint("bold", head), ...wrapText(rest, WIDTH)];
}

function liveLines(live: LiveWorkload, paint: CostReport["paint"]): string[] {
  return [
    paint("bold", `Measured in ${figure(live.seconds)} s, ${figure(live.events)} events`),
    ...live.findings.flatMap((finding) => bullet(finding)),
    paint("bold", "Not measured"),
    ...live.unknown.flatMap((gap) => bullet(gap)),
  ];
}

function row(name: string, usd: number, size: string): string {
  return table([[name.padEnd(NAME_WIDTH), dollars(usd).padStart(USD_WIDTH), size]]);
}

function wayRow({ name, usd }: Way, { ways }: Bill): string {
  const first = ways[0]?.usd ?? usd;
  return row(name, usd, usd === first ? "" : `${((100 * usd) / first).toFixed(1)} % of the original`);
}

function sum({ parts }: Way): string[] {
  return wrapText(
    parts.map(({ name, usd, size }) => `${name} $${dollars(usd)} (${size})`).join(" + "),
    WIDTH,
    "      ",
  );
}

function explanation({ charges, quoted }: Item, prices: PriceList): string[] {
  if (quoted !== undefined) return wrapText(quoted, WIDTH, "      ");
  return charges.flatMap((charge) => [
    ...wrapText(charge.how, WIDTH, "      "),
    ...wrapText(product(charge, prices), WIDTH, "        "),
  ]);
}

function product({ parts, price, usd }: Charge, prices: PriceList): string {
  const products = parts
    .map(({ quantity, usdPerUnit }) => `${figure(quantity)} × $${unitPrice(usdPerUnit)}`)
    .join(" + ");
  const cents = usd.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  return `${products} per ${prices[price].unit} = $${cents}`;
}

function bullet(text: string): string[] {
  return wrapText(text, WIDTH, "  ");
}
