import { expect, test } from "vitest";
import { natsConfig } from "./config.ts";

const LEAST = { name: "log", type: "nats", servers: ["nats://a:4222"], subject: "events.{type}" };

test("a server and a subject are enough", () => {
  expect(natsConfig.parse(LEAST)).toMatchObject({ headers: "cloudevents", maxPayloadBytes: 1_048_576 });
});

test.each([
  ["a secret in a URL", { servers: ["nats://user:secret@a:4222"] }, "nats://host:port"],
  ["a subject with wildcards", { subject: "events.*" }, "tokens of letters"],
  ["an event that names the first token", { subject: "{type}" }, "all but the first"],
  ["a user without a password", { auth: { user: "u" } }, "belong together"],
  ["two ways to log in", { auth: { token: "t", user: "u", password: "p" } }, "one way to log in"],
  ["no way to log in", { auth: {} }, "one way to log in"],
  ["a seed that is none", { auth: { nkeySeed: "SUX" } }, "seed"],
  ["TLS by name only, which a server could talk it out of", { servers: ["tls://a:4222"] }, "needed where"],
  ["a key it does not know", { url: "" }, "Unrecognized key"],
])("refuses %s", (_, change, message) => {
  const result = natsConfig.safeParse({ ...LEAST, ...change });
  expect(result.error?.issues.map((issue) => issue.message).join("\n")).toContain(message);
});
