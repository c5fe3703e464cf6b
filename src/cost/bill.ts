import { apiGateway } from "./api-gateway.ts";
import { s3Archive } from "./archive.ts";
import type { Item } from "./charge.ts";
import { extras } from "./extras.ts";
import { kinesisOnDemand, kinesisProvisioned } from "./kinesis.ts";
import { alb, nlb, nlbHandshakes } from "./load-balancer.ts";
import { ec2Burstable, ec2Steady, fargateArm, fargateX86 } from "./nodes.ts";
import { originalElixir, originalLambda, originalStream } from "./original.ts";
import { PRICES, type PriceList } from "./prices.ts";
import type { Workload } from "./workload.ts";

export interface Section {
  readonly title: string;
  readonly items: readonly Item[];
}

/** A whole way from the client to where events are kept, as the sum of items. */
export interface Way {
  readonly name: string;
  /** A month. */
  readonly usd: number;
  readonly parts: readonly Item[];
}

export interface Bill {
  readonly sections: readonly Section[];
  readonly ways: readonly Way[];
}

/** A month's bill for every part that there is to choose from, and for some whole ways. */
export function bill(load: Workload, prices: PriceList = PRICES): Bill {
  const gateway = apiGateway(load, prices);
  const single = { ...load, requestsPerConnection: 1 };
  const balancers = load.requestsPerConnection === 1 ? [alb(load, prices)] : [alb(single, prices), alb(load, prices)];
  const stream = originalStream(load, prices);
  const lambda = originalLambda(load, prices);
  const viaNlb = [nlb(load, prices), nlbHandshakes(load, prices)];
  const packed = kinesisProvisioned(load, prices, "kpl");
  const archive = s3Archive(load, prices);
  return {
    sections: [
      { title: "In front", items: [gateway.restFlat, gateway.rest, gateway.http, ...balancers, ...viaNlb] },
      {
        title: "The collector, with TLS in the process",
        items: [
          fargateArm(load, prices),
          fargateX86(load, prices),
          ec2Burstable(load, prices),
          ec2Steady(load, prices),
          ...originalElixir(),
        ],
      },
      {
        title: "Behind it",
        items: [
          stream,
          lambda,
          kinesisProvisioned(load, prices, "none"),
          packed,
          kinesisProvisioned(load, prices, "ndjson"),
          kinesisOnDemand(load, prices, "none"),
          kinesisOnDemand(load, prices, "kpl"),
          kinesisOnDemand(load, prices, "ndjson"),
          archive,
        ],
      },
      { title: "What can come on top", items: extras(load, prices) },
    ],
    ways: [
      way("The original: REST flat, its stream, Lambda", [gateway.restFlat, stream, lambda]),
      way("The same on an HTTP API", [gateway.http, stream, lambda]),
      way("Millrace: Fargate Arm, ALB, Kinesis kpl", [
        alb(load, prices),
        fargateArm(load, prices, "before it"),
        packed,
      ]),
      way("Millrace: Fargate Arm, NLB, Kinesis kpl", [...viaNlb, fargateArm(load, prices), packed]),
      way("Millrace: EC2 c7g.large, NLB, Kinesis kpl", [...viaNlb, ec2Steady(load, prices), packed]),
      way("Millrace: EC2 c7g.large, NLB, S3, no stream", [...viaNlb, ec2Steady(load, prices), archive]),
    ],
  };
}

function way(name: string, parts: readonly Item[]): Way {
  return { name, parts, usd: parts.reduce((sum, { usd }) => sum + usd, 0) };
}
