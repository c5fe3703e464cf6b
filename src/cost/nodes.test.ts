import { expect, test } from "vitest";
import { MEASURED_CPU, measuredMicrosPerEvent } from "./measured-cpu.ts";
import { averageCores, ec2Burstable, ec2Steady, fargateArm } from "./nodes.ts";
import { PRICES } from "./prices.ts";
import { workload } from "./workload.ts";

test("CPU an event is as measured where it was measured, and lies between for other requests", () => {
  for (const { events, microsPerEvent } of MEASURED_CPU.perRequest)
    expect(measuredMicrosPerEvent(events)).toBeCloseTo(microsPerEvent);
  expect(measuredMicrosPerEvent(5)).toBeGreaterThan(measuredMicrosPerEvent(20));
  expect(measuredMicrosPerEvent(5)).toBeLessThan(measuredMicrosPerEvent(1));
  expect(measuredMicrosPerEvent(1e5)).toBeGreaterThan(0);
});

test("the CPU of TLS is counted in the process only, and that of a handshake once a connection", () => {
  const load = workload({ eventsPerHour: 3.6e6, requestsPerConnection: 10, cpuMicrosPerEvent: 30 });
  expect(averageCores(load, "before it")).toBeCloseTo(0.03);
  expect(averageCores(load, "in the process")).toBeCloseTo((30 + 6 + 530 / 10) / 1_000);
});

test("there are never fewer nodes than would survive the loss of one", () => {
  const idle = workload({ eventsPerHour: 1 });
  for (const { size } of [ec2Steady(idle, PRICES), fargateArm(idle, PRICES)]) expect(size).toMatch(/^2 × /);
});

test("nodes carry the peak within their utilisation", () => {
  // 1,000 events/s × 1 ms = 1 core, ×4 at the peak, half busy: 8 vCPU.
  const load = workload({ eventsPerHour: 3.6e6, cpuMicrosPerEvent: 1_000, peakFactor: 4, cpuUtilisation: 0.5 });
  const plain = { ...load, tlsMicrosPerRequest: 0, handshakeMicros: 0 };
  expect(ec2Steady(plain, PRICES).size).toMatch(/^4 × 2 vCPU/);
  expect(fargateArm(plain, PRICES).size).toMatch(/^2 × 4 vCPU/);
  expect(fargateArm({ ...plain, peakFactor: 40 }, PRICES).size).toMatch(/^5 × 16 vCPU/);
});

test("a burstable instance also earns back on average what it uses", () => {
  const flat = workload({ eventsPerHour: 3.6e6, cpuMicrosPerEvent: 3_000, peakFactor: 1, cpuUtilisation: 1 });
  const plain = { ...flat, tlsMicrosPerRequest: 0, handshakeMicros: 0 };
  expect(ec2Steady(plain, PRICES).size).toMatch(/^2 × /);
  expect(ec2Burstable(plain, PRICES).size).toMatch(/^5 × /);
});
