import { CloudEvent, emitterFor, HTTP, httpTransport, type Message, Mode } from "cloudevents";
import { expect, test } from "vitest";
import { type ArrivedEvent, startClientRig } from "./client-rig.ts";
import { conforms } from "./conformance.ts";

const KEY = { Authorization: "Bearer wk_app" };

function order(id: string, more: Record<string, unknown> = {}): CloudEvent<unknown> {
  return new CloudEvent<unknown>({
    id,
    source: "https://shop.example/orders",
    type: "order.placed",
    time: "2026-11-23T05:55:34.123Z",
    subject: `order-${id}`,
    datacontenttype: "application/json",
    data: { total: 19.9, lines: [{ sku: "a", count: 2 }] },
    tenant: "eu",
    ...more,
  });
}

/** What is stored, as the SDK reads it, under the source that the sender gave it. */
function readBack(arrived: ArrivedEvent): CloudEvent<unknown> {
  const event = HTTP.toEvent<unknown>({
    headers: { "content-type": "application/cloudevents+json" },
    body: JSON.stringify(arrived),
  });
  if (!(event instanceof CloudEvent)) throw new Error("one event was given");
  return event.cloneWith({ source: String(arrived["sendersource"]) }, true);
}

/** The attributes and the data that were sent. */
function sentPart(read: CloudEvent<unknown>, sent: CloudEvent<unknown>): Record<string, unknown> {
  const all: Record<string, unknown> = read.toJSON();
  return Object.fromEntries(Object.keys(sent.toJSON()).map((name) => [name, all[name]]));
}

/** Sends what the SDK has made of an event, as its documentation shows, and returns the status. */
async function send(url: string, { headers, body }: Message): Promise<number> {
  const plain = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
  const reply = await fetch(url, {
    method: "POST",
    headers: { ...Object.fromEntries(plain), ...KEY },
    body: body instanceof Uint8Array ? Buffer.from(body) : String(body),
  });
  return reply.status;
}

test("what the SDK's emitter sends, in binary and structured mode, arrives as it was, and the SDK reads it back", async () => {
  await using rig = await startClientRig();
  const url = `${rig.origin}/v1/cloudevents`;
  const replies: unknown[] = [];
  const sent: CloudEvent<unknown>[] = [];
  for (const mode of [Mode.BINARY, Mode.STRUCTURED]) {
    const emit = emitterFor(httpTransport(url), { binding: HTTP, mode });
    for (let count = 0; count < 10; count++) {
      const event = order(`${mode}-${count}`);
      sent.push(event);
      replies.push(await emit(event, { headers: KEY }));
    }
  }
  const arrived = await rig.arrived(20);
  const receipts = replies.filter(
    (reply) =>
      typeof reply === "object" &&
      reply !== null &&
      "headers" in reply &&
      typeof reply.headers === "object" &&
      reply.headers !== null &&
      "millrace-receipt" in reply.headers,
  );
  expect(arrived.map((event, at) => sentPart(readBack(event), sent[at] ?? order("none")))).toEqual(
    sent.map((event) => event.toJSON()),
  );
  await conforms("cloudevents-emitter", {
    protocol: "cloudevents",
    client: "cloudevents",
    sent: "10 events in binary and 10 in structured mode, by emitterFor(httpTransport(url))",
    arrived: `${arrived.length} events; HTTP.toEvent reads back what was sent, attribute by attribute`,
    clientSaw: `${receipts.length} replies with a receipt`,
  });
});

test("messages that the SDK makes arrive with their data as it was, whatever its type, one by one or in a batch", async () => {
  await using rig = await startClientRig();
  const url = `${rig.origin}/v1/cloudevents`;
  const statuses = [
    await send(url, HTTP.binary(order("json"))),
    await send(url, HTTP.structured(order("structured"))),
    await send(url, HTTP.binary(order("text", { datacontenttype: "text/plain", data: "plain €" }))),
    await send(
      url,
      HTTP.binary(order("bytes", { datacontenttype: "image/png", data: Uint8Array.of(137, 80, 0, 255) })),
    ),
    await send(url, HTTP.structured(order("base64", { data: undefined, data_base64: "iVAA/w==" }))),
    await send(url, {
      headers: { "content-type": "application/cloudevents-batch+json" },
      body: JSON.stringify([order("b1"), order("b2"), order("b3")]),
    }),
    await send(`${rig.origin}/v1/events`, HTTP.binary(order("native"))),
  ];
  const arrived = await rig.arrived(9);
  const ids = ["json", "structured", "text", "bytes", "base64", "b1", "b2", "b3", "native"];
  expect(arrived.map(({ id, subject, sendersource, tenant }) => [id, subject, sendersource, tenant])).toEqual(
    ids.map((id) => [id, `order-${id}`, "https://shop.example/orders", "eu"]),
  );
  const data = { total: 19.9, lines: [{ sku: "a", count: 2 }] };
  expect(arrived.map((event) => event.data ?? event["data_base64"])).toEqual([
    data,
    data,
    "plain €",
    "iVAA/w==",
    "iVAA/w==",
    data,
    data,
    data,
    data,
  ]);
  const batch = HTTP.toEvent({
    headers: { "content-type": "application/cloudevents-batch+json" },
    body: JSON.stringify(arrived),
  });
  await conforms("cloudevents-messages", {
    protocol: "cloudevents",
    client: "cloudevents",
    sent: "HTTP.binary with JSON, text and bytes, HTTP.structured with JSON and base64, and a batch of 3; one in binary mode to /v1/events",
    arrived: `${arrived.length} events with their data as it was; HTTP.toEvent reads them back as a batch of ${Array.isArray(batch) ? batch.length : 1}`,
    clientSaw: `${statuses.filter((status) => status === 201).length} answers 201`,
  });
});

test("an event that the SDK would not make is refused, and says which header is missing", async () => {
  await using rig = await startClientRig();
  const { headers, body } = HTTP.binary(order("x"));
  delete headers["ce-source"];
  const plain = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
  const reply = await fetch(`${rig.origin}/v1/cloudevents`, {
    method: "POST",
    headers: { ...Object.fromEntries(plain), ...KEY },
    body: String(body),
  });
  expect([reply.status, await reply.text()]).toEqual([400, expect.stringContaining("ce-source")]);
});
