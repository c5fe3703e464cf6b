import { expect, test } from "vitest";
import { batchId, WebhookSigner } from "./signature.ts";

/** The example that the libraries of Standard Webhooks test themselves with. */
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

function event(position: number, text: string) {
  return { position, id: "1", type: "a", source: "web", receivedMs: 0, bytes: Buffer.from(text) };
}

test("signs as the published example of Standard Webhooks", () => {
  const headers = new WebhookSigner([SECRET]).headers(ID, Buffer.from('{"test": 2432232314}'), 1_614_265_330_999);
  expect(headers).toEqual({ "webhook-id": ID, "webhook-timestamp": "1614265330", "webhook-signature": SIGNATURE });
});

test("each secret makes a signature, so that one can be replaced", () => {
  const signer = new WebhookSigner(["whsec_bmV3LXNlY3JldC1vZi0yNC1ieXRlczEy", SECRET]);
  const signatures = signer.headers(ID, Buffer.from('{"test": 2432232314}'), 1_614_265_330_000)["webhook-signature"];
  expect(signatures?.split(" ")).toEqual([expect.stringMatching(/^v1,.{44}$/), SIGNATURE]);
});

test("a batch has the same id each time it is sent, and another batch another", () => {
  const first = [event(1, '{"id":"a"}'), event(2, '{"id":"b"}')];
  expect(batchId(first)).toBe(batchId([...first]));
  expect(batchId(first)).toMatch(/^msg_[\w-]{32}$/);
  expect(batchId(first.slice(1))).not.toBe(batchId(first));
  expect(batchId(first.toReversed())).not.toBe(batchId(first));
});
