import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Circuit } from "./circuit.ts";

const limits = { minDelayMs: 100, maxDelayMs: 1_000 };

function openCircuit(): Circuit {
  const circuit = new Circuit(limits, () => 0.5);
  for (let failure = 0; failure < 5; failure++) circuit.failed(0, circuit.sent());
  expect(circuit.state).toBe("open");
  return circuit;
}

test("it opens after five whole batches failed in a row, and not before", () => {
  const circuit = new Circuit(limits, () => 0.5);
  const changes = [1, 2, 3, 4].map(() => circuit.failed(0, circuit.sent()));
  expect(changes).toEqual([undefined, undefined, undefined, undefined]);
  circuit.succeeded();
  for (let failure = 0; failure < 4; failure++) circuit.failed(0, circuit.sent());
  expect(circuit.state).toBe("closed");
  expect(circuit.failed(0, circuit.sent())).toBe("opened");
});

test("one probe at a time, with a delay that grows to maxDelayMs", () => {
  const circuit = openCircuit();
  let nowMs = 0;
  const delays: number[] = [];
  for (let probe = 0; probe < 6; probe++) {
    delays.push(circuit.nextMs - nowMs);
    nowMs = circuit.nextMs;
    expect(circuit.sent()).toBe(true);
    expect(circuit.nextMs).toBe(Number.POSITIVE_INFINITY);
    circuit.failed(nowMs, true);
  }
  expect(delays).toEqual([50, 100, 200, 400, 500, 500]);
});

test("a success closes it, also one of a batch that was sent before it opened", () => {
  const circuit = openCircuit();
  expect(circuit.succeeded()).toBe("closed");
  expect(circuit.nextMs).toBe(Number.NEGATIVE_INFINITY);
  expect(circuit.succeeded()).toBeUndefined();
});

test("a late failure of an older batch does not end a probe", () => {
  const circuit = openCircuit();
  circuit.sent();
  circuit.failed(10, false);
  expect(circuit.state).toBe("probing");
});

test("a pause the sink asks for holds back batches while closed and open", () => {
  const circuit = new Circuit(limits, () => 0.5);
  circuit.failed(0, false, 3_000);
  expect(circuit).toMatchObject({ state: "closed", nextMs: 3_000 });
  const open = openCircuit();
  open.sent();
  open.failed(0, true, 3_000);
  expect(open.nextMs).toBe(3_000);
});

test("a drain does not wait for the next probe", () => {
  const circuit = openCircuit();
  circuit.hasten();
  expect(circuit.nextMs).toBeLessThanOrEqual(0);
});

test("it never stays shut: a probe is always due or on its way", () => {
  const step = fc.constantFrom("send", "succeed", "fail", "fail probe");
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const circuit = new Circuit(limits, () => 0.9);
      let probes = 0;
      for (const [nowMs, action] of steps.entries()) {
        if (action === "send" && circuit.nextMs <= nowMs * 1_000 && circuit.sent()) probes++;
        if (action === "succeed") circuit.succeeded();
        if (action === "fail") circuit.failed(nowMs * 1_000, false);
        if (action === "fail probe" && probes > 0) {
          probes--;
          circuit.failed(nowMs * 1_000, true);
        }
        expect(circuit.nextMs === Number.POSITIVE_INFINITY).toBe(circuit.state === "probing");
        expect(circuit.nextMs === Number.POSITIVE_INFINITY ? 0 : circuit.nextMs).toBeLessThanOrEqual(
          nowMs * 1_000 + limits.maxDelayMs,
        );
      }
    }),
  );
});
