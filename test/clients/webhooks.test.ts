import { expect, test } from "vitest";
import { startClientRig } from "./client-rig.ts";
import { conforms } from "./conformance.ts";

/** As the services' documentation shows their requests, to a collector that is configured as ours shows it. */

function deliver(url: string, headers: Record<string, string>, body: string): Promise<Response> {
  return fetch(url, { method: "POST", headers: { "content-type": "application/json", ...headers }, body });
}

test("a webhook as GitHub documents it is an event, with the same id when it is delivered again", async () => {
  await using rig = await startClientRig({
    source: `protocols: [json], json: { typeFrom: "header:X-GitHub-Event", idFrom: "header:X-GitHub-Delivery" }, paths: { /hooks/github-5f0c9b27: /v1/json }`,
  });
  const payload = `{
  "action": "opened",
  "issue": { "url": "https://api.github.com/repos/octocat/Hello-World/issues/1347", "number": 1347 },
  "repository": { "id": 1296269, "full_name": "octocat/Hello-World" }
}`;
  const headers = {
    "user-agent": "GitHub-Hookshot/044aadd",
    "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    "x-github-event": "issues",
    "x-github-hook-id": "292430182",
  };
  const url = `${rig.origin}/hooks/github-5f0c9b27`;
  expect((await deliver(url, headers, payload)).status).toBe(201);
  expect((await deliver(url, headers, payload)).status).toBe(201);
  const events = await rig.arrived(2);
  for (const event of events) {
    expect(event).toMatchObject({ id: headers["x-github-delivery"], type: "issues", data: JSON.parse(payload) });
  }
  await conforms("github-webhook", {
    protocol: "json",
    client: "GitHub webhooks (requests as documented)",
    sent: "the event issues, and the same delivery again",
    arrived: "2 events of type issues with the delivery's id and the payload as data",
    clientSaw: "201",
  });
});

test("a webhook as Stripe documents it is an event with Stripe's own id, type and time", async () => {
  await using rig = await startClientRig({
    source: "protocols: [json], json: { typeFrom: /type, idFrom: /id, timeFrom: /created }",
  });
  const payload = `{
  "id": "evt_1NG8Du2eZvKYlo2CUI79vXWy",
  "object": "event",
  "api_version": "2019-02-19",
  "created": 1686089970,
  "data": { "object": { "id": "seti_1NG8Du2eZvKYlo2C9XMqbR0x", "object": "setup_intent", "customer": null } },
  "livemode": false,
  "pending_webhooks": 0,
  "type": "setup_intent.created"
}`;
  const answer = await deliver(`${rig.origin}/v1/json?key=wk_app`, { "stripe-signature": "t=1,v1=0" }, payload);
  expect(answer.status).toBe(201);
  const [event] = await rig.arrived(1);
  expect(event).toMatchObject({
    id: "evt_1NG8Du2eZvKYlo2CUI79vXWy",
    type: "setup_intent.created",
    time: "2023-06-06T22:19:30Z",
    data: JSON.parse(payload),
  });
  await conforms("stripe-webhook", {
    protocol: "json",
    client: "Stripe webhooks (requests as documented)",
    sent: "1 event",
    arrived: "1 event with Stripe's id, type, time and the payload as data",
    clientSaw: "201",
  });
});
