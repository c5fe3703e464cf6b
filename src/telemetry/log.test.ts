import { expect, test } from "vitest";
import { MillraceError } from "../core/errors.ts";
import { createLogger } from "./log.ts";

function memoryStream() {
  const lines: string[] = [];
  return { lines, stream: { write: (line: string) => lines.push(line) } };
}

test("a line is JSON with ISO time and the level in words", async () => {
  const { lines, stream } = memoryStream();
  const log = await createLogger({ level: "info", format: "json", stream });
  log.debug("not this");
  log.warn({ sink: "files" }, "slow");
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({
    level: "warn",
    sink: "files",
    msg: "slow",
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
  });
});

test("fields that are named like secrets are masked, and errors lose what clients hang on them", async () => {
  const { lines, stream } = memoryStream();
  const log = await createLogger({ level: "info", format: "json", stream });
  const cause = Object.assign(new Error("reset"), { code: "ECONNRESET", request: { auth: "hunter2" } });
  log.error({ source: { keys: ["hunter2"] }, password: "hunter2", headers: { authorization: "hunter2" } }, "a");
  log.error({ err: new MillraceError("port_unavailable", "taken", { cause }) }, "b");
  expect(lines.join("")).not.toContain("hunter2");
  expect(JSON.parse(lines[1] ?? "")).toMatchObject({
    err: { type: "MillraceError", code: "port_unavailable", message: "taken", cause: { code: "ECONNRESET" } },
  });
});

test("the pretty form is for a person", async () => {
  const { lines, stream } = memoryStream();
  const log = await createLogger({ level: "info", format: "pretty", stream });
  log.info({ port: 8080 }, "listening");
  expect(lines.join("")).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: listening\n\s+port: 8080\n$/);
});

const HOSTILE = "a\r\n{} \u001b[2J \u009b31m \u007f \u0000 \u2028 \u202e \u2066";

test.each(["json", "pretty"] as const)("no line holds characters that a terminal obeys (%s)", async (format) => {
  const { lines, stream } = memoryStream();
  const log = await createLogger({ level: "info", format, stream });
  log.info({ detail: HOSTILE }, "refused");
  expect(lines.join("").replaceAll("\n", "")).toMatch(/^[\u0020-\u007e]*$/);
});

test("what is escaped is read as it was", async () => {
  const { lines, stream } = memoryStream();
  const log = await createLogger({ level: "info", format: "json", stream });
  log.info({ detail: HOSTILE }, "refused");
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ detail: HOSTILE });
});
