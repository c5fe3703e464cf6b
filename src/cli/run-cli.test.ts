import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Output } from "./cli-context.ts";
import { EXIT } from "./exit-codes.ts";
import { runCli } from "./run-cli.ts";

const VALID = `
sources:
  - name: web
    keys: [wk_web_secret1]
  - name: app
    keys: [wk_app_secret1, wk_app_secret2]
    ack: durable
sinks:
  - name: files
    type: file
    dir: ./data/events
  - name: errors
    type: file
    dir: ./data/errors
    required: false
    when: type.startsWith("error.")
`;

const BROKEN = `
listen: { prot: 8080 }
sources:
  - name: web
    keys: wk_web_1
    ack: maybe
sinks:
  - name: stream
    type: kinezis
`;

/** A folder to run commands in, with the files given. */
async function workFolder(files: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "millrace-cli-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) await writeFile(path.join(folder, name), content);
  return folder;
}

async function millrace(
  args: readonly string[],
  options: { cwd?: string; stdin?: string; terminal?: boolean; env?: NodeJS.ProcessEnv } = {},
) {
  const output = () => Object.assign(new PassThrough(), { isTTY: options.terminal === true }) satisfies Output;
  const [stdout, stderr] = [output(), output()];
  const exitCode = await runCli(args, {
    stdin: Readable.from([options.stdin ?? ""]),
    stdout,
    stderr,
    env: options.env ?? {},
    cwd: options.cwd ?? tmpdir(),
  });
  stdout.end();
  stderr.end();
  return { exitCode, stdout: await text(stdout), stderr: await text(stderr) };
}

describe("help", () => {
  test("names every command, where the configuration is looked for, and the exit codes", async () => {
    const { exitCode, stdout } = await millrace(["--help"]);
    expect(exitCode).toBe(EXIT.ok);
    for (const command of ["start", "dev", "check", "schema", "keys", "version"])
      expect(stdout).toContain(`\n  ${command} `);
    expect(stdout).toContain("./millrace.yaml, ./millrace.yml or");
    for (const code of Object.values(EXIT)) expect(stdout).toMatch(new RegExp(`^  ${code}  `, "m"));
  });

  test("is printed with the exit code of a usage error when there is no command", async () => {
    const { exitCode, stdout, stderr } = await millrace([]);
    expect(exitCode).toBe(EXIT.usage);
    expect(stdout).toBe("");
    expect(stderr).toContain("Usage: millrace");
  });
});

describe("a command line that makes no sense is answered with what would", () => {
  test.each([
    [["stat"], "(Did you mean start?)"],
    [["start", "--confg", "x"], "(Did you mean --config?)"],
    [["start", "--log-level", "loud"], "Allowed choices are trace, debug, info, warn, error"],
    [["schema", "test"], "missing required argument 'file'"],
    [["keys", "new", "--source", "a b"], "cannot be the name of a source"],
  ])("%j", async (args, hint) => {
    const { exitCode, stdout, stderr } = await millrace(args);
    expect(exitCode).toBe(EXIT.usage);
    expect(stdout).toBe("");
    expect(stderr).toContain(hint);
  });
});

describe("check", () => {
  test("lists every problem with its place, and exits with the code for a bad configuration", async () => {
    const cwd = await workFolder({ "millrace.yaml": BROKEN });
    const { exitCode, stdout, stderr } = await millrace(["check"], { cwd });
    expect(exitCode).toBe(EXIT.configInvalid);
    expect(stdout).toBe("");
    expect(stderr.replace(/one of kinesis, [^;]*;/, "one of …;"))
      .toBe(`error: millrace.yaml has 4 problems (config_invalid)

  millrace.yaml:2:11: listen.prot: unknown key; did you mean port?
  millrace.yaml:5:11: sources[0].keys: expected a list of texts, at least 1 item; found a value that is not shown here
  millrace.yaml:6:10: sources[0].ack: expected "received", "accepted", "durable" or "delivered"; found "maybe"
  millrace.yaml:9:11: sinks[0].type: expected one of …; found "kinezis"; did you mean kinesis?
`);
  });

  test("gives the problems as JSON", async () => {
    const cwd = await workFolder({ "other.yaml": BROKEN });
    const { exitCode, stdout } = await millrace(["check", "--json", "--config", "other.yaml"], { cwd });
    expect(exitCode).toBe(EXIT.configInvalid);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ valid: false, file: path.join(cwd, "other.yaml") });
    expect(report.problems).toHaveLength(4);
    expect(report.problems[3]).toMatchObject({ file: "other.yaml", line: 9, column: 11, path: "sinks[0].type" });
  });

  test("says by what rules of a source events are not stored, or not wholly", async () => {
    const rules =
      "bots: drop, sample: { rate: 0.1, by: /data/userId }, dedupe: {}, redact: [{ pointer: /data/email, action: remove }]";
    const cwd = await workFolder({
      "millrace.yaml": `sources: [{ name: web, keys: [wk_web], ${rules} }]\nsinks: [{ name: out, type: stdout }]\n`,
    });
    const { stdout } = await millrace(["check"], { cwd });
    expect(stdout).toMatch(
      /source web +1 key, .*, 1 field redacted, bots dropped, sampled at 0\.1 by \/data\/userId, repeats dropped\n/,
    );
  });

  test("says of a valid configuration what it runs and what it could lose, without write keys", async () => {
    const cwd = await workFolder({ "millrace.yaml": VALID });
    const { exitCode, stdout } = await millrace(["check"], { cwd });
    expect(exitCode).toBe(EXIT.ok);
    expect(stdout).toContain("millrace.yaml is valid.");
    expect(stdout).toMatch(/source app +2 keys, validation enforce, unknown types accepted, ack durable/);
    expect(stdout).toMatch(/sink errors +file, not required, when type\.startsWith\("error\."\)/);
    expect(stdout).toMatch(/ack=accepted {2}\(default of web\)\n +means .*journal\n +lost if .*power/);
    expect(stdout).not.toContain("secret");
    const json = await millrace(["check", "--json"], { cwd });
    expect(JSON.parse(json.stdout)).toMatchObject({
      valid: true,
      file: path.join(cwd, "millrace.yaml"),
      sources: [{ keys: 1 }, { keys: 2 }],
    });
    expect(json.stdout).not.toContain("secret");
  });

  test("takes the built-in configuration where there is none", async () => {
    const { exitCode, stdout } = await millrace(["check"], { cwd: await workFolder() });
    expect(exitCode).toBe(EXIT.ok);
    expect(stdout).toContain("The built-in configuration");
  });
});

test("a configuration that is named and not there is an error with its code, without a stack", async () => {
  for (const command of ["check", "start", "dev"]) {
    const { exitCode, stderr } = await millrace([command, "--config", "missing.yaml"], { cwd: await workFolder() });
    expect(exitCode).toBe(EXIT.configInvalid);
    expect(stderr).toMatch(/^error: .*missing\.yaml.*\(config_not_found\)\n$/);
  }
  const { stderr } = await millrace(["check", "--json", "-c", "missing.yaml"], { cwd: await workFolder() });
  expect(JSON.parse(stderr)).toMatchObject({ error: { code: "config_not_found" } });
});

test("colours are for terminals only, and not where NO_COLOR is set", async () => {
  const cwd = await workFolder({ "millrace.yaml": BROKEN });
  const escape = "\u001B[";
  expect((await millrace(["check"], { cwd, terminal: true })).stderr).toContain(escape);
  expect((await millrace(["check"], { cwd })).stderr).not.toContain(escape);
  expect((await millrace(["check"], { cwd, terminal: true, env: { NO_COLOR: "1" } })).stderr).not.toContain(escape);
});

describe("keys new", () => {
  test("prints the key alone on standard output, and never the same twice", async () => {
    const first = await millrace(["keys", "new", "--source", "web"]);
    const second = await millrace(["keys", "new", "--source", "web"]);
    expect(first.stdout).toMatch(/^wk_web_[0-9a-f]{32}\n$/);
    expect(first.stdout).not.toBe(second.stdout);
    expect(first.stderr).toContain(`keys: [${first.stdout.trim()}]`);
  });

  test("prints JSON", async () => {
    const { stdout } = await millrace(["keys", "new", "--json"]);
    expect(JSON.parse(stdout)).toEqual({ key: expect.stringMatching(/^wk_[0-9a-f]{32}$/) });
  });
});

describe("schema test", () => {
  const schemas = path.join(import.meta.dirname, "../../examples/quickstart/schemas");

  test("says which events of a file are not valid, and fails", async () => {
    const cwd = await workFolder({ "events.ndjson": '{"type":"no.such.type"}\n{"data":{}}\n' });
    const { exitCode, stdout } = await millrace(["schema", "test", "events.ndjson", "--schemas", schemas], { cwd });
    expect(exitCode).toBe(EXIT.failed);
    expect(stdout).toContain('line 2:\n  /type  "type" is missing');
    expect(stdout).toContain("2 events: 0 valid, 1 invalid and 1 without a schema.");
  });

  test("takes events from standard input and the schemas of the configuration, and gives JSON", async () => {
    const { exitCode, stdout } = await millrace(["schema", "test", "-", "--json"], {
      cwd: await workFolder(),
      stdin: '[{"type":"no.such.type"}]',
    });
    expect(exitCode).toBe(EXIT.ok);
    expect(JSON.parse(stdout)).toMatchObject({ events: 1, invalid: 0, unknownType: 1 });
  });

  test("of a file that is not there is a usage error", async () => {
    const { exitCode, stderr } = await millrace(["schema", "test", "none.json", "--schemas", schemas]);
    expect(exitCode).toBe(EXIT.usage);
    expect(stderr).toContain("the events cannot be read: ENOENT");
  });
});

describe("schema types", () => {
  const schemas = path.join(import.meta.dirname, "../../examples/quickstart/schemas");

  test("prints types of the events' data, of the configuration's schemas or of a folder's", async () => {
    const { exitCode, stdout } = await millrace(["schema", "types", "--schemas", schemas]);
    expect(exitCode).toBe(EXIT.ok);
    expect(stdout).toContain('export interface MillraceEvents {\n  /** An order was paid */\n  "checkout.paid": {');
    // Without a configuration the built-in one is that of the quickstart.
    expect((await millrace(["schema", "types"], { cwd: await workFolder() })).stdout).toBe(stdout);
    const json = await millrace(["schema", "types", "--schemas", schemas, "--json"]);
    expect(JSON.parse(json.stdout)).toEqual({ source: stdout });
  });

  test("writes a file, and says later whether it is stale", async () => {
    const cwd = await workFolder();
    const check = ["schema", "types", "--schemas", schemas, "--check", "events.ts"];
    const missing = await millrace(check, { cwd });
    expect(missing.exitCode).toBe(EXIT.failed);
    expect(missing.stderr).toContain("millrace schema types --out events.ts");

    await millrace(["schema", "types", "--schemas", schemas, "--out", "events.ts"], { cwd });
    expect(await millrace(check, { cwd })).toMatchObject({ exitCode: EXIT.ok, stdout: "" });

    const file = path.join(cwd, "events.ts");
    const written = await readFile(file, "utf8");
    await writeFile(file, written.replaceAll("\n", "\r\n"));
    expect((await millrace(check, { cwd })).exitCode).toBe(EXIT.ok);
    await writeFile(file, written.replace("total: number", "total: string"));
    const stale = await millrace([...check, "--json"], { cwd });
    expect(stale.exitCode).toBe(EXIT.failed);
    expect(JSON.parse(stale.stdout)).toEqual({ file: "events.ts", stale: true });
  });

  test("of schemas that are not valid, and to nowhere, says what is wrong", async () => {
    const cwd = await workFolder({ "paid.json": '{"type": "strin"}' });
    const invalid = await millrace(["schema", "types", "--schemas", "."], { cwd });
    expect(invalid.exitCode).toBe(EXIT.configInvalid);
    expect(invalid.stderr).toContain("paid.json");
    const nowhere = await millrace(["schema", "types", "--schemas", schemas, "--out", "none/e.ts"], { cwd });
    expect(nowhere).toMatchObject({ exitCode: EXIT.usage });
    expect(nowhere.stderr).toContain("the types cannot be written: ENOENT");
    const both = await millrace(["schema", "types", "--out", "a.ts", "--check", "b.ts"], { cwd });
    expect(both).toMatchObject({ exitCode: EXIT.usage });
  });
});

describe("schema config", () => {
  test("prints the JSON Schema of the configuration, or writes it to a file and says how to use it", async () => {
    const cwd = await workFolder();
    const { stdout } = await millrace(["schema", "config"], { cwd });
    expect(JSON.parse(stdout)).toMatchObject({ type: "object", required: ["sources", "sinks"] });
    const written = await millrace(["schema", "config", "--out", "m.json"], { cwd });
    expect(written.stdout).toBe("");
    expect(written.stderr).toContain("# yaml-language-server: $schema=m.json");
    expect(await readFile(path.join(cwd, "m.json"), "utf8")).toBe(stdout);
  });

  test("to a place that cannot be written is a usage error", async () => {
    const { exitCode, stderr } = await millrace(["schema", "config", "--out", "none/m.json"], {
      cwd: await workFolder(),
    });
    expect(exitCode).toBe(EXIT.usage);
    expect(stderr).toContain("the schema cannot be written: ENOENT");
  });
});

test("version prints Millrace, Node and the platform", async () => {
  expect((await millrace(["version"])).stdout).toMatch(/^millrace \d+\.\d+\.\d+ \(node \d+\.\d+\.\d+, \w+-\w+\)\n$/);
  expect(JSON.parse((await millrace(["version", "--json"])).stdout)).toMatchObject({ node: process.versions.node });
});
