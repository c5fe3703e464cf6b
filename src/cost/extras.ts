import { charge, type Item, item } from "./charge.ts";
import { figure } from "./figure.ts";
import { requestGbPerHour } from "./load-balancer.ts";
import type { PriceList } from "./prices.ts";
import { inGb, traffic, type Workload } from "./workload.ts";

/** What can come on top of any of it and cancel what was saved. */
export function extras(load: Workload, prices: PriceList): Item[] {
  const { requestsPerMonth, eventsPerMonth, connectionsPerSecond } = traffic(load);
  const { hoursPerMonth: hours } = load;
  const millions = requestsPerMonth / 1e6;
  const eventGb = inGb(eventsPerMonth * load.eventBytes);
  const crossGb = (requestGbPerHour(load) * hours) / 2;
  const handshakesOut = connectionsPerSecond * 3_600 * hours * (load.handshakeBytes / 2);
  const outGb = inGb(requestsPerMonth * load.answerBytes + handshakesOut);
  return [
    item("CloudFront before it", `${figure(millions)} M requests`, [
      charge(prices, "cloudFrontRequest", millions, "each request"),
    ]),
    item("WAF before it", `${figure(millions)} M requests`, [charge(prices, "wafRequest", millions, "each request")]),
    item("NAT gateway instead of VPC endpoints", `${figure(eventGb)} GB, uncompressed`, [
      charge(prices, "natHour", hours, `1 gateway × ${hours} h`),
      charge(prices, "natGb", eventGb, `events of ${load.eventBytes} B to the stream`),
    ]),
    item("NLB balancing across zones", `${figure(crossGb)} GB, both directions`, [
      charge(
        prices,
        "crossZoneGb",
        crossGb * 2,
        "half of all requests and answers change zones, charged on both sides",
      ),
    ]),
    item("Answers to the internet", `${figure(outGb)} GB, also with API Gateway`, [
      charge(prices, "internetGbOut", outGb, `answers of ${load.answerBytes} B and half of each handshake`),
    ]),
  ];
}
