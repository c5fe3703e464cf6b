import { expect, test } from "vitest";
import { startClientRig } from "./client-rig.ts";

const ID = "0198f2b4-6c1e-7d3a-9b51-2f3c4d5e6f70";
const TIME = "2026-11-27T12:34:56.789Z";
const TYPE = "checkout.paid";
const DATA = '{"orderId":"o-1","total":12.5,"lines":[{"sku":"a","count":2}]}';
const MS = Date.parse(TIME);

interface Dialect {
  readonly name: string;
  readonly path: string;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Without one it is a GET. */
  readonly body?: string;
}

const SELF_DESCRIBING = JSON.stringify({
  schema: "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0",
  data: { schema: `iglu:com.acme/${TYPE}/jsonschema/1-0-0`, data: JSON.parse(DATA) as unknown },
});

/** A map of OTLP, of what JSON has. */
function anyValue(value: unknown): unknown {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "number") return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValue) } };
  const values = Object.entries(value ?? {}).map(([key, each]) => ({ key, value: anyValue(each) }));
  return { kvlistValue: { values } };
}

const DIALECTS: readonly Dialect[] = [
  { name: "native", path: "/v1/events", body: `{"id":"${ID}","type":"${TYPE}","time":"${TIME}","data":${DATA}}` },
  {
    name: "cloudevents, binary",
    path: "/v1/cloudevents",
    headers: { "ce-specversion": "1.0", "ce-id": ID, "ce-type": TYPE, "ce-time": TIME, "ce-source": "/shop" },
    body: DATA,
  },
  {
    name: "cloudevents, structured",
    path: "/v1/cloudevents",
    contentType: "application/cloudevents+json",
    body: `{"specversion":"1.0","source":"/shop","id":"${ID}","type":"${TYPE}","time":"${TIME}","data":${DATA}}`,
  },
  {
    name: "segment",
    path: "/v1/track",
    body: `{"messageId":"${ID}","event":"${TYPE}","userId":"u","timestamp":"${TIME}","properties":${DATA}}`,
  },
  {
    name: "snowplow",
    path: "/com.snowplowanalytics.snowplow/tp2",
    body: JSON.stringify({
      schema: "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4",
      data: [{ e: "ue", eid: ID, ttm: String(MS), ue_pr: SELF_DESCRIBING, p: "web", tv: "js-4" }],
    }),
  },
  {
    name: "otlp",
    path: "/v1/logs",
    body: JSON.stringify({
      resourceLogs: [
        {
          scopeLogs: [
            {
              logRecords: [
                {
                  timeUnixNano: `${BigInt(MS) * 1_000_000n}`,
                  eventName: TYPE,
                  attributes: [{ key: "log.record.uid", value: { stringValue: ID } }],
                  body: anyValue(JSON.parse(DATA)),
                },
              ],
            },
          ],
        },
      ],
    }),
  },
  {
    name: "pixel",
    path: `/v1/pixel.gif?type=${TYPE}&id=${ID}&time=${encodeURIComponent(TIME)}&data=${encodeURIComponent(DATA)}`,
  },
];

test("the same event in any protocol lands with the same id, time, type and data", async () => {
  await using rig = await startClientRig();
  for (const { name, path, contentType = "application/json", headers, body } of DIALECTS) {
    const reply = await fetch(rig.origin + path, {
      method: body === undefined ? "GET" : "POST",
      headers: { authorization: "Bearer wk_app", "content-type": contentType, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    expect([name, reply.ok]).toEqual([name, true]);
  }
  const events = await rig.arrived(DIALECTS.length);
  const seen = events.map(({ id, time, type, data }, index) => ({
    name: DIALECTS[index]?.name,
    id,
    time: new Date(time).toISOString(),
    type,
    data,
  }));
  const data: unknown = JSON.parse(DATA);
  expect(seen).toEqual(DIALECTS.map(({ name }) => ({ name, id: ID, time: TIME, type: TYPE, data })));
});

test("plain JSON and records of logs land with the type, id and time that the source says where to find", async () => {
  const rules = `{ type: ${TYPE}, idFrom: /id, timeFrom: /at }`;
  await using rig = await startClientRig({ source: `json: ${rules}, logs: ${rules}` });
  for (const path of ["/v1/json", "/v1/records"]) {
    const reply = await fetch(rig.origin + path, {
      method: "POST",
      headers: { authorization: "Bearer wk_app", "content-type": "application/json" },
      body: `{"id":"${ID}","at":"${TIME}","big":12345678901234567890}`,
    });
    expect([path, reply.ok]).toEqual([path, true]);
  }
  for (const event of await rig.arrived(2)) expect(event).toMatchObject({ id: ID, time: TIME, type: TYPE });
});
