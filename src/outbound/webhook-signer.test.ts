import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { WebhookSigner } from "./webhook-signer.ts";

/** The example that the libraries of Standard Webhooks test themselves with. */
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

test("signs as the published example of Standard Webhooks", () => {
  const headers = new WebhookSigner([SECRET]).headers(ID, Buffer.from('{"test": 2432232314}'), 1_614_265_330_999);
  expect(headers).toEqual({ "webhook-id": ID, "webhook-timestamp": "1614265330", "webhook-signature": SIGNATURE });
});

test("each secret makes a signature, so that one can be replaced", () => {
  const signer = new WebhookSigner(["whsec_bmV3LXNlY3JldC1vZi0yNC1ieXRlczEy", SECRET]);
  const signatures = signer.headers(ID, Buffer.from('{"test": 2432232314}'), 1_614_265_330_000)["webhook-signature"];
  expect(signatures?.split(" ")).toEqual([expect.stringMatching(/^v1,.{44}$/), SIGNATURE]);
});

test("a secret in another form is the key as it is", () => {
  const expected = createHmac("sha256", "any text will do").update(`${ID}.0.{}`).digest("base64");
  const headers = new WebhookSigner(["any text will do"]).headers(ID, Buffer.from("{}"), 0);
  expect(headers["webhook-signature"]).toBe(`v1,${expected}`);
});
