import { charge, type Item, item } from "./charge.ts";
import { figure } from "./figure.ts";
import type { PriceList, PriceName } from "./prices.ts";
import { traffic, type Workload } from "./workload.ts";

interface Instance {
  readonly type: string;
  readonly price: PriceName;
  readonly vcpus: number;
  /** What a vCPU may use on average without credits, of 1. */
  readonly baseline: number;
}

/** The vCPUs: https://aws.amazon.com/ec2/instance-types/; the baseline of t4g.large is 30 % of each. */
const T4G_LARGE: Instance = { type: "t4g.large", price: "ec2T4gLargeHour", vcpus: 2, baseline: 0.3 };
const C7G_LARGE: Instance = { type: "c7g.large", price: "ec2C7gLargeHour", vcpus: 2, baseline: 1 };

/**
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html: what
 * can be had with 2 GB a vCPU. A quarter of a vCPU can too, but 0.5 GB is not enough for a
 * supervisor and a worker that holds 355 MB under full load (README.md, "Numbers").
 */
const TASK_VCPUS = [0.5, 1, 2, 4, 8, 16];
const LARGEST_TASK_VCPUS = 16;
const GB_PER_VCPU = 2;

/** Where TLS ends: in the collector, or in what stands before it. */
type Tls = "in the process" | "before it";

/** CPU that the collector uses on average. */
export function averageCores(load: Workload, tls: Tls = "in the process"): number {
  const { eventsPerSecond, requestsPerSecond, connectionsPerSecond } = traffic(load);
  const micros = eventsPerSecond * load.cpuMicrosPerEvent;
  if (tls === "before it") return micros / 1e6;
  return (micros + requestsPerSecond * load.tlsMicrosPerRequest + connectionsPerSecond * load.handshakeMicros) / 1e6;
}

export function ec2Burstable(load: Workload, prices: PriceList, tls?: Tls): Item {
  return ec2(load, prices, T4G_LARGE, tls);
}

export function ec2Steady(load: Workload, prices: PriceList, tls?: Tls): Item {
  return ec2(load, prices, C7G_LARGE, tls);
}

/** Instances that carry the peak, each with a disk for its journal. */
function ec2(load: Workload, prices: PriceList, instance: Instance, tls?: Tls): Item {
  const cores = averageCores(load, tls);
  const peakVcpus = vcpusAtPeak(load, cores);
  // A burstable instance must also earn back on average what it uses.
  const vcpus = Math.max(peakVcpus, cores / instance.baseline);
  const nodes = Math.max(load.minNodes, Math.ceil(vcpus / instance.vcpus));
  const { hoursPerMonth: hours } = load;
  return item(`Millrace on EC2 ${instance.type}`, `${nodes} × ${instance.vcpus} vCPU, of which ${figure(cores)} used`, [
    charge(prices, instance.price, nodes * hours, `${nodes} nodes × ${hours} h, ${coresText(load, cores, peakVcpus)}`),
    charge(prices, "ebsGp3GbMonth", nodes * load.journalGb, `${nodes} disks for the journal × ${load.journalGb} GB`),
  ]);
}

export function fargateX86(load: Workload, prices: PriceList, tls?: Tls): Item {
  return fargate(load, prices, { name: "x86", vcpu: "fargateX86VcpuHour", gb: "fargateX86GbHour" }, tls);
}

export function fargateArm(load: Workload, prices: PriceList, tls?: Tls): Item {
  return fargate(load, prices, { name: "Arm", vcpu: "fargateArmVcpuHour", gb: "fargateArmGbHour" }, tls);
}

/** The smallest tasks of which `minNodes` carry the peak; more of the largest when none do. */
function fargate(
  load: Workload,
  prices: PriceList,
  kind: { readonly name: string; readonly vcpu: PriceName; readonly gb: PriceName },
  tls?: Tls,
): Item {
  const cores = averageCores(load, tls);
  const peakVcpus = vcpusAtPeak(load, cores);
  const size = TASK_VCPUS.find((vcpus) => vcpus * load.minNodes >= peakVcpus) ?? LARGEST_TASK_VCPUS;
  const nodes = Math.max(load.minNodes, Math.ceil(peakVcpus / size));
  const { hoursPerMonth: hours } = load;
  const gb = size * GB_PER_VCPU;
  return item(`Millrace on Fargate ${kind.name}`, `${nodes} × ${size} vCPU, of which ${figure(cores)} used`, [
    charge(
      prices,
      kind.vcpu,
      nodes * size * hours,
      `${nodes} tasks × ${size} vCPU × ${hours} h, ${coresText(load, cores, peakVcpus)}`,
    ),
    charge(prices, kind.gb, nodes * gb * hours, `${nodes} tasks × ${gb} GB × ${hours} h`),
  ]);
}

function vcpusAtPeak(load: Workload, cores: number): number {
  return (cores * load.peakFactor) / load.cpuUtilisation;
}

function coresText(load: Workload, cores: number, peakVcpus: number): string {
  return `for ${figure(cores)} cores × ${load.peakFactor} at the peak ÷ ${load.cpuUtilisation} = ${figure(peakVcpus)} vCPU`;
}
