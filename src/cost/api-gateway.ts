import { charge, chargeFlat, type Item, item } from "./charge.ts";
import { figure, unitPrice } from "./figure.ts";
import { firstUsd } from "./price.ts";
import type { PriceList } from "./prices.ts";
import { traffic, type Workload } from "./workload.ts";

/** API Gateway, billed by the request. Its bodies are below the 512 KB that count as one. */
export function apiGateway(load: Workload, prices: PriceList): { rest: Item; restFlat: Item; http: Item } {
  const millions = traffic(load).requestsPerMonth / 1e6;
  const how = `${figure(load.eventsPerHour)} events/h × ${load.hoursPerMonth} h ÷ ${figure(load.eventsPerRequest)} a request`;
  const flatUsd = firstUsd(prices.apiGatewayRest);
  return {
    restFlat: item(
      "API Gateway REST, as the original counted",
      `${figure(millions)} M requests at $${unitPrice(flatUsd)} flat`,
      [chargeFlat(prices, "apiGatewayRest", millions, how)],
    ),
    rest: item("API Gateway REST, by its tiers", `${figure(millions)} M requests`, [
      charge(prices, "apiGatewayRest", millions, how),
    ]),
    http: item("API Gateway HTTP API", `${figure(millions)} M requests`, [
      charge(prices, "apiGatewayHttp", millions, how),
    ]),
  };
}
