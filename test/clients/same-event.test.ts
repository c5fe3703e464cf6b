import { expect, test } from "vitest";
import { startClientRig } from "./client-rig.ts";

const ID = "0198f2b4-6c1e-7d3a-9b51-2f3c4d5e6f70";
const TIME = "2026-11-27T12:34:56.789Z";
const TYPE = "checkout.paid";
const DATA = '{"orderId":"o-1","total":12.5,"cents":12345678901234567890,"lines":[{"sku":"a","count":2}]}';
const NANOS = `${BigInt(Date.parse(TIME)) * 1_000_000n}`;

const JSON_TYPE = { "content-type": "application/json" };

/** The same event in each dialect that can name its type. */
const REQUESTS: Readonly<Record<string, { path: string; headers?: Record<string, string>; body?: string }>> = {
  native: {
    path: "/v1/events",
    headers: JSON_TYPE,
    body: `{"id":"${ID}","type":"${TYPE}","time":"${TIME}","data":${DATA}}`,
  },
  "cloudevents, binary": {
    path: "/v1/cloudevents",
    headers: {
      ...JSON_TYPE,
      "ce-specversion": "1.0",
      "ce-id": ID,
      "ce-type": TYPE,
      "ce-time": TIME,
      "ce-source": "/shop",
    },
    body: DATA,
  },
  "cloudevents, structured": {
    path: "/v1/cloudevents",
    headers: { "content-type": "application/cloudevents+json" },
    body: `{"specversion":"1.0","source":"/shop","id":"${ID}","type":"${TYPE}","time":"${TIME}","data":${DATA}}`,
  },
  segment: {
    path: "/v1/track",
    headers: JSON_TYPE,
    body: `{"messageId":"${ID}","event":"${TYPE}","userId":"u","timestamp":"${TIME}","properties":${DATA}}`,
  },
  "json, as it is configured": {
    path: "/v1/json",
    headers: JSON_TYPE,
    body: DATA,
  },
};

test("the same event in any protocol lands with the same id, time, type and data", async () => {
  await using rig = await startClientRig();
  const names = Object.keys(REQUESTS);
  for (const [name, { path, headers, body }] of Object.entries(REQUESTS)) {
    const reply = await fetch(rig.origin + path, {
      method: "POST",
      headers: { authorization: "Bearer wk_app", ...headers },
      ...(body === undefined ? {} : { body }),
    });
    expect([name, reply.status]).toEqual([name, expect.toBeOneOf([200, 201])]);
  }
  const events = await rig.arrived(names.length);
  expect(NANOS).toHaveLength(19);
  expect(events.map(({ id, time, type }) => ({ id, time, type }))).toEqual(names.map(() => ({ id: ID, time: TIME, type: TYPE })));
});
