import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { NumberedLoad } from "../bench/kit/numbered-load.ts";
import { isSound, type LossResult } from "../bench/loss/result.ts";

const SOUND: LossResult = {
  test: "kill -9 under load",
  how: "",
  acknowledged: 5_000,
  lost: 0,
  doubled: 3,
  altered: 0,
  peakTreeBytes: 1,
  peakProcessBytes: 1,
};

test("a loss test is sound when something was acknowledged, and nothing lost, altered or wrong otherwise", () => {
  expect(isSound(SOUND)).toBe(true);
  for (const change of [{ acknowledged: 0 }, { lost: 1 }, { altered: 1 }, { failed: "exit code 13" }])
    expect(isSound({ ...SOUND, ...change })).toBe(false);
});

test("a load that gets nothing acknowledged says so instead of waiting for ever", async () => {
  await using server = createServer((request, response) => {
    request.resume().on("end", () => response.writeHead(503).end("no"));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/events`;
  const load = new NumberedLoad({ url, key: "k", connections: 1, eventsPerRequest: 1, eventsPerSecond: 20 });
  await expect(load.reached(1, 200)).rejects.toThrow("nothing was acknowledged for 0.2 s, at 0 of 1 events: 503 no");
  await load.stop();
});
