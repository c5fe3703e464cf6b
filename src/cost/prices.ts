import type { Price } from "./price.ts";

const found = { region: "us-east-1", gathered: "2026-11-23" } as const;

/** Put in from memory, to have a figure at all: none of these was looked up anywhere. */
const remembered = { region: "us-east-1", gathered: "2026-11-27", secondhand: true } as const;

/** The price list that ships with Millrace. Override any of it with `millrace cost --prices`. */
export const PRICES = {
  apiGatewayRest: {
    service: "API Gateway, REST API",
    unit: "million requests",
    usd: [{ upTo: 333, usd: 3.5 }, { upTo: 1_000, usd: 2.8 }, { upTo: 20_000, usd: 2.38 }, { usd: 1.51 }],
    source: "https://aws.amazon.com/api-gateway/pricing/",
    ...found,
  },
  apiGatewayHttp: {
    service: "API Gateway, HTTP API",
    unit: "million requests",
    usd: [{ upTo: 300, usd: 1 }, { usd: 0.9 }],
    source: "https://aws.amazon.com/api-gateway/pricing/",
    ...found,
  },
  lambdaRequest: {
    service: "Lambda",
    unit: "million requests",
    usd: 0.2,
    source: "https://aws.amazon.com/lambda/pricing/",
    ...found,
  },
  lambdaGbSecond: {
    service: "Lambda",
    unit: "GB-second",
    usd: 0.0000166667,
    source: "https://aws.amazon.com/lambda/pricing/",
    ...found,
  },
  kinesisShardHour: {
    service: "Kinesis Data Streams, provisioned",
    unit: "shard-hour",
    usd: 0.015,
    source: "https://aws.amazon.com/kinesis/data-streams/pricing/",
    ...found,
  },
  kinesisPutUnit: {
    service: "Kinesis Data Streams, provisioned",
    unit: "million PUT units of 25 KB",
    usd: 0.014,
    source: "https://aws.amazon.com/kinesis/data-streams/pricing/",
    ...found,
  },
  kinesisStreamHour: {
    service: "Kinesis Data Streams, on-demand",
    unit: "stream-hour",
    usd: 0.04,
    source: "https://aws.amazon.com/kinesis/data-streams/pricing/",
    ...found,
  },
  kinesisGbIn: {
    service: "Kinesis Data Streams, on-demand",
    unit: "GB in",
    usd: 0.08,
    source: "https://aws.amazon.com/kinesis/data-streams/pricing/",
    ...found,
  },
  kinesisGbOut: {
    service: "Kinesis Data Streams, on-demand",
    unit: "GB out",
    usd: 0.04,
    source: "https://aws.amazon.com/kinesis/data-streams/pricing/",
    ...found,
  },
  fargateX86VcpuHour: {
    service: "Fargate, Linux on x86",
    unit: "vCPU-hour",
    usd: 0.04048,
    source: "https://aws.amazon.com/fargate/pricing/",
    ...found,
  },
  fargateX86GbHour: {
    service: "Fargate, Linux on x86",
    unit: "GB-hour of memory",
    usd: 0.004445,
    source: "https://aws.amazon.com/fargate/pricing/",
    ...remembered,
  },
  fargateArmVcpuHour: {
    service: "Fargate, Linux on Arm",
    unit: "vCPU-hour",
    usd: 0.03238,
    source: "https://aws.amazon.com/fargate/pricing/",
    secondhand: true,
    ...found,
  },
  fargateArmGbHour: {
    service: "Fargate, Linux on Arm",
    unit: "GB-hour of memory",
    usd: 0.00356,
    source: "https://aws.amazon.com/fargate/pricing/",
    ...remembered,
  },
  ec2T4gLargeHour: {
    service: "EC2 on demand, t4g.large",
    unit: "instance-hour",
    usd: 0.0672,
    source: "https://aws.amazon.com/ec2/pricing/on-demand/",
    secondhand: true,
    ...found,
  },
  ec2C7gLargeHour: {
    service: "EC2 on demand, c7g.large",
    unit: "instance-hour",
    usd: 0.0725,
    source: "https://aws.amazon.com/ec2/pricing/on-demand/",
    secondhand: true,
    ...found,
  },
  ebsGp3GbMonth: {
    service: "EBS, gp3",
    unit: "GB-month",
    usd: 0.08,
    source: "https://aws.amazon.com/ebs/pricing/",
    ...remembered,
  },
  albHour: {
    service: "Application Load Balancer",
    unit: "hour",
    usd: 0.0225,
    source: "https://aws.amazon.com/elasticloadbalancing/pricing/",
    ...found,
  },
  albLcuHour: {
    service: "Application Load Balancer",
    unit: "LCU-hour",
    usd: 0.008,
    source: "https://aws.amazon.com/elasticloadbalancing/pricing/",
    ...found,
  },
  nlbHour: {
    service: "Network Load Balancer",
    unit: "hour",
    usd: 0.0225,
    source: "https://aws.amazon.com/elasticloadbalancing/pricing/",
    ...found,
  },
  nlbLcuHour: {
    service: "Network Load Balancer",
    unit: "NLCU-hour",
    usd: 0.006,
    source: "https://aws.amazon.com/elasticloadbalancing/pricing/",
    ...found,
  },
  s3GbMonth: {
    service: "S3 Standard",
    unit: "GB-month",
    usd: 0.023,
    source: "https://aws.amazon.com/s3/pricing/",
    ...found,
  },
  s3Put: {
    service: "S3 Standard",
    unit: "thousand PUT requests",
    usd: 0.005,
    source: "https://aws.amazon.com/s3/pricing/",
    ...found,
  },
  cloudFrontRequest: {
    service: "CloudFront, HTTPS",
    unit: "million requests",
    usd: 1,
    source: "https://aws.amazon.com/cloudfront/pricing/",
    ...found,
  },
  wafRequest: {
    service: "WAF",
    unit: "million requests",
    usd: 0.6,
    source: "https://aws.amazon.com/waf/pricing/",
    secondhand: true,
    ...found,
  },
  natHour: {
    service: "NAT gateway",
    unit: "hour",
    usd: 0.045,
    source: "https://aws.amazon.com/vpc/pricing/",
    ...found,
  },
  natGb: {
    service: "NAT gateway",
    unit: "GB",
    usd: 0.045,
    source: "https://aws.amazon.com/vpc/pricing/",
    ...found,
  },
  crossZoneGb: {
    service: "Traffic between availability zones",
    unit: "GB and direction",
    usd: 0.01,
    source: "https://aws.amazon.com/ec2/pricing/on-demand/",
    ...remembered,
  },
  internetGbOut: {
    service: "Traffic to the internet",
    unit: "GB",
    usd: 0.09,
    source: "https://aws.amazon.com/ec2/pricing/on-demand/",
    ...remembered,
  },
} as const satisfies Readonly<Record<string, Price>>;

export type PriceName = keyof typeof PRICES;

/** A price for everything that is charged. */
export type PriceList = Readonly<Record<PriceName, Price>>;
