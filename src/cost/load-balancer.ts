import { charge, type Item, item } from "./charge.ts";
import { counted, figure } from "./figure.ts";
import type { PriceList } from "./prices.ts";
import { inGb, traffic, type Workload } from "./workload.ts";

/** What one capacity unit takes; the dimension that needs most is billed. */
interface CapacityUnit {
  readonly newConnectionsPerSecond: number;
  readonly openConnections: number;
  readonly gbPerHour: number;
}

/** https://aws.amazon.com/elasticloadbalancing/pricing/, "LCU details"; a single routing rule is free. */
const ALB_UNIT: CapacityUnit = { newConnectionsPerSecond: 25, openConnections: 3_000, gbPerHour: 1 };

/** The same page, "NLCU details" for TCP: it passes TLS through and does not look inside. */
const NLB_UNIT: CapacityUnit = { newConnectionsPerSecond: 800, openConnections: 100_000, gbPerHour: 1 };

/** An ALB ends TLS itself, and counts the bytes of requests and answers. */
export function alb(load: Workload, prices: PriceList): Item {
  const units = capacityUnits(load, ALB_UNIT, requestGbPerHour(load));
  const { hoursPerMonth: hours } = load;
  return item(
    `ALB, ${counted(load.requestsPerConnection, "request")} a connection`,
    `${figure(units.count)} LCU, for ${units.reason}`,
    [
      charge(prices, "albHour", hours, `1 balancer × ${hours} h`),
      charge(prices, "albLcuHour", units.count * hours, `${figure(units.count)} LCU (${units.reason}) × ${hours} h`),
    ],
  );
}

/** An NLB that passes TCP through: requests and answers. What TLS needs to begin is `nlbHandshakes`. */
export function nlb(load: Workload, prices: PriceList): Item {
  const units = capacityUnits(load, NLB_UNIT, requestGbPerHour(load));
  const { hoursPerMonth: hours } = load;
  return item("NLB, with TLS in the process", `${figure(units.count)} NLCU, for ${units.reason}`, [
    charge(prices, "nlbHour", hours, `1 balancer × ${hours} h`),
    charge(prices, "nlbLcuHour", units.count * hours, `${figure(units.count)} NLCU (${units.reason}) × ${hours} h`),
  ]);
}

/** What the handshakes that an NLB passes through add to its capacity units. */
export function nlbHandshakes(load: Workload, prices: PriceList): Item {
  const gbPerHour = inGb(traffic(load).connectionsPerSecond * 3_600 * load.handshakeBytes);
  const without = capacityUnits(load, NLB_UNIT, requestGbPerHour(load)).count;
  const more = capacityUnits(load, NLB_UNIT, requestGbPerHour(load) + gbPerHour).count - without;
  const { hoursPerMonth: hours } = load;
  return item("NLB, TLS handshakes through it", `${figure(more)} NLCU more, ${figure(load.handshakeBytes)} B each`, [
    charge(prices, "nlbLcuHour", more * hours, `${figure(more)} NLCU more for ${figure(gbPerHour)} GB/h × ${hours} h`),
  ]);
}

/** Bytes of requests and answers through a balancer. */
export function requestGbPerHour(load: Workload): number {
  const bytes = load.wireBytesPerEvent * load.eventsPerRequest + load.requestOverheadBytes + load.answerBytes;
  return inGb(traffic(load).requestsPerSecond * 3_600 * bytes);
}

function capacityUnits(load: Workload, unit: CapacityUnit, gbPerHour: number): { count: number; reason: string } {
  const { connectionsPerSecond, openConnections } = traffic(load);
  const needs = [
    { count: connectionsPerSecond / unit.newConnectionsPerSecond, reason: "new connections" },
    { count: openConnections / unit.openConnections, reason: "open connections" },
    { count: gbPerHour / unit.gbPerHour, reason: `${figure(gbPerHour)} GB/h` },
  ];
  return needs.reduce((most, need) => (need.count > most.count ? need : most));
}
