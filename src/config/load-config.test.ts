import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { batchField, byteSize, sinkFields } from "../core/config-fields.ts";
import { formatProblem } from "./config-problem.ts";
import { parseConfig } from "./load-config.ts";

const schema = z.strictObject({
  listen: z
    .strictObject({
      host: z.string().min(1).default("0.0.0.0").describe("Address."),
      port: z.int().min(0).max(65_535).default(8080).describe("TCP port."),
      tls: z.boolean().default(false).describe("Whether to speak TLS."),
    })
    .prefault({}),
  workers: z.union([z.literal("auto"), z.int().min(1)]).default(1),
  maxBytes: byteSize({ min: 1024 }).prefault("8GiB"),
  ratio: z.number().min(0).max(1).optional(),
  labels: z.record(z.string(), z.string()).default({}),
  sources: z
    .array(
      z.strictObject({
        name: z.string().min(1).describe("Name of the source."),
        keys: z.array(z.string().min(8)).min(1),
        ack: z.enum(["received", "accepted", "durable", "delivered"]).default("accepted"),
      }),
    )
    .default([]),
  sinks: z
    .array(
      z.discriminatedUnion("type", [
        z.strictObject({ ...sinkFields, type: z.literal("file"), dir: z.string().describe("Folder.") }),
        z.strictObject({
          ...sinkFields,
          type: z.literal("kinesis"),
          stream: z.string(),
          batch: batchField({ maxEvents: 500, maxEventsCap: 500, maxBytes: 4096, maxBytesCap: 8192, maxAgeMs: 1000 }),
        }),
      ]),
    )
    .default([]),
});

function read(text: string, env: Record<string, string> = {}) {
  return parseConfig(text, "millrace.yaml", schema, env);
}

function configOf(text: string, env: Record<string, string> = {}) {
  const parsed = read(text, env);
  expect(parsed).toMatchObject({ kind: "ok" });
  if (parsed.kind !== "ok") throw new Error("unreachable");
  return parsed.config;
}

function problemsOf(text: string, env: Record<string, string> = {}): string[] {
  const parsed = read(text, env);
  return parsed.kind === "ok" ? [] : parsed.problems.map(formatProblem);
}

describe("what is wrong is said with its place, what was expected and what was found", () => {
  const cases: readonly [name: string, text: string, problems: readonly string[]][] = [
    [
      "a value of the wrong type",
      "listen:\n  port: eighty\n",
      [`2:9: listen.port: expected a whole number from 0 to 65535; found "eighty"`],
    ],
    [
      "a value out of range",
      "listen: { port: 70000 }\n",
      ["1:17: listen.port: expected a whole number from 0 to 65535; found 70000"],
    ],
    [
      "a fraction where a whole number belongs",
      "listen: { port: 1.5 }\n",
      ["1:17: listen.port: expected a whole number from 0 to 65535; found 1.5"],
    ],
    ["YAML 1.1's yes", "listen: { tls: yes }\n", [`1:16: listen.tls: expected true or false; found "yes"`]],
    [
      "a list where a section belongs",
      "listen: [1]\n",
      ["1:1: listen: expected a section with keys of its own; found a list of 1"],
    ],
    [
      "a section without keys",
      "listen:\nworkers: 1\n",
      ["1:1: listen: is empty; expected a section with keys of its own, or leave the key out"],
    ],
    [
      "a union without a match",
      "workers: many\n",
      [`1:10: workers: expected "auto" or a whole number of at least 1; found "many"`],
    ],
    [
      "a size that is not one",
      "maxBytes: 5 cats\n",
      [`1:11: maxBytes: a size is a number with a unit: 64MiB, 1.5GiB, 500KB; found "5 cats"`],
    ],
    ["a size that is too small", "maxBytes: 3B\n", [`1:11: maxBytes: must be at least 1KiB; found "3B"`]],
    ["a misspelt key", "lisen: {}\n", ["1:1: lisen: unknown key; did you mean listen?"]],
    [
      "an unknown key that resembles none",
      "listen: { colour: red }\n",
      ["1:11: listen.colour: unknown key; known here: host, port, tls"],
    ],
    [
      "a key that would reach a prototype",
      "__proto__: { x: 1 }\n",
      ["1:1: __proto__: unknown key; known here: listen, workers, maxBytes, ratio, labels, sources, sinks"],
    ],
    [
      "a value outside an enumeration",
      "sources:\n  - name: web\n    keys: [wk_12345]\n    ack: maybe\n",
      [`4:10: sources[0].ack: expected "received", "accepted", "durable" or "delivered"; found "maybe"`],
    ],
    [
      "a missing key",
      "sources:\n  - keys: [wk_12345]\n",
      ["2:5: sources[0].name: is missing; expected text, at least 1 character: Name of the source."],
    ],
    [
      "an empty list",
      "sources:\n  - name: web\n    keys: []\n",
      ["3:5: sources[0].keys: expected a list of texts, at least 1 item; found a list of 0"],
    ],
    [
      "an unknown type of sink",
      "sinks:\n  - name: a\n    type: kinezis\n",
      [`3:11: sinks[0].type: expected one of file, kinesis; found "kinezis"; did you mean kinesis?`],
    ],
    [
      "a sink without a type",
      "sinks:\n  - name: a\n",
      ["2:5: sinks[0].type: is missing; expected one of file, kinesis"],
    ],
    [
      "a misspelt key of one type of sink",
      "sinks:\n  - { name: a, type: file, dir: x, maxInFligth: 2 }\n",
      ["2:36: sinks[0].maxInFligth: unknown key; did you mean maxInFlight?"],
    ],
    [
      "a limit inside a sink",
      "sinks:\n  - name: a\n    type: kinesis\n    stream: s\n    batch:\n      maxEvents: 501\n",
      ["6:18: sinks[0].batch.maxEvents: expected a whole number from 1 to 500; found 501"],
    ],
    [
      "a rule between two values",
      "sinks:\n  - name: a\n    type: file\n    dir: x\n    retry: { minDelayMs: 500, maxDelayMs: 100 }\n",
      ["5:5: sinks[0].retry: minDelayMs must not exceed maxDelayMs"],
    ],
    ["a value of a mapping", "labels: { a b: [1] }\n", [`1:11: labels["a b"]: expected text; found a list of 1`]],
    ["a file that is a list", "- a\n", ["1:1: expected a section with keys of its own; found a list of 1"]],
    ["a key twice", "workers: 1\nworkers: 2\n", ["2:1: this key stands here twice; keep one of the two"]],
    [
      "a tag",
      "listen: { host: !env HOST }\n",
      ["1:22: listen.host: the tag !env is not supported; write the plain value"],
    ],
    [
      "a YAML 1.1 tag that makes bytes",
      "listen: { host: !!binary aGk= }\n",
      ["1:26: listen.host: the tag tag:yaml.org,2002:binary is not supported; write the plain value"],
    ],
    ["a tab", "listen:\n\tport: 1\n", ["2:1: a tab is used to indent; YAML takes spaces only"]],
    [
      "a second document",
      "workers: 1\n---\nworkers: 2\n",
      ["2:1: a second document begins here; the configuration is a single one"],
    ],
    ["an unclosed quote", `listen: { host: "a\nworkers: 1\n`, [`3:1: not valid YAML: missing closing "quote`]],
    [
      "two syntax errors on two lines",
      "a: @x\nb: `x`\n",
      [
        "1:4: not valid YAML: plain value cannot start with reserved character @",
        "2:4: not valid YAML: plain value cannot start with reserved character `",
      ],
    ],
    ["an alias without an anchor", "workers: *w\n", ["1:10: workers: no anchor &w comes before the alias"]],
    ["an anchor that holds itself", "labels: &l\n  a: *l\n", ["2:6: labels.a: the alias *l is inside its own anchor"]],
    ["a key that is a list", "? [a]\n: 1\n", ["1:1: a key must be plain text"]],
  ];
  test.each(cases)("%s", (_name, text, problems) => {
    expect(problemsOf(text)).toEqual(problems.map((problem) => `millrace.yaml:${problem}`));
  });
});

test("all problems are listed at once, in the order of the file", () => {
  const text = "workers: 0\nlisten: { prot: 1 }\nsinks:\n  - type: file\n    name: '!'\nextra: ${MISSING}\n";
  expect(problemsOf(text).map((problem) => problem.split(": ").slice(0, 2).join(" "))).toEqual([
    "millrace.yaml:1:10 workers",
    "millrace.yaml:2:11 listen.prot",
    "millrace.yaml:4:5 sinks[0].dir",
    "millrace.yaml:5:11 sinks[0].name",
    "millrace.yaml:6:8 extra",
  ]);
});

test("aliases that multiply are refused before they fill the memory", () => {
  const levels = Array.from(
    { length: 9 },
    (_, n) =>
      `l${n}: &l${n} [${Array(10)
        .fill(n === 0 ? "x" : `*l${n - 1}`)
        .join()}]`,
  );
  expect(problemsOf(levels.join("\n")).join("\n")).toContain("more than 20000 values");
});

test("nesting without end is a problem, not a crash", () => {
  expect(problemsOf("[".repeat(5_000))).toEqual([expect.stringContaining("nested too deeply")]);
});

test("whatever the text, the answer is a configuration or problems, each at a place in the file", () => {
  const pieces =
    `listen sinks type file { } [ ] , " ' &a *a !t | > # ? % --- \${A} \${ $\${ << __proto__ 1 null \uE000`.split(" ");
  const piece = fc.constantFrom(...pieces, ": ", ":", "\n", "  ", "- ", "\t", "\u0000");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (words) => {
      const content = words.join("");
      const parsed = read(content, { A: "1" });
      if (parsed.kind === "ok") return;
      expect(parsed.problems.length).toBeGreaterThan(0);
      for (const { line, column, message } of parsed.problems) {
        expect(line).toBeLessThanOrEqual(content.split("\n").length);
        expect(column).toBeGreaterThan(0);
        expect(message).not.toBe("");
      }
    }),
    { numRuns: 500 },
  );
});

test("anchors may be used, and problems behind an alias point at the anchor", () => {
  const shared = "sinks:\n  - { name: a, type: file, dir: x, retry: &r { minDelayMs: 5 } }\n";
  expect(configOf(`${shared}  - { name: b, type: file, dir: y, retry: *r }\n`).sinks[1]?.retry.minDelayMs).toBe(5);
});

test("an empty file takes every default", () => {
  for (const text of ["", "# nothing yet\n", "{}"]) {
    expect(configOf(text)).toMatchObject({ listen: { port: 8080 }, maxBytes: 8 * 1024 ** 3, sinks: [] });
  }
});

test("JSON is read too, with the key by which editors find the schema", () => {
  expect(configOf(`{\n\t"$schema": "millrace.schema.json",\n\t"listen": { "port": 81 }\n}`).listen.port).toBe(81);
});

describe("environment variables", () => {
  test("take the type that their place wants, quoted or not, as in JSON", () => {
    const env = { PORT: "81", TLS: "true", WORKERS: "auto", SIZE: "64MiB", KEY: "1234567890" };
    for (const quote of ["", '"']) {
      const variable = (name: string) => `${quote}\${${name}}${quote}`;
      const text = `listen: { port: ${variable("PORT")}, tls: ${variable("TLS")} }
workers: ${variable("WORKERS")}
maxBytes: ${variable("SIZE")}
sources: [{ name: web, keys: [${variable("KEY")}] }]`;
      expect(configOf(text, env)).toMatchObject({
        listen: { port: 81, tls: true },
        workers: "auto",
        maxBytes: 64 * 1024 ** 2,
        sources: [{ keys: ["1234567890"] }],
      });
    }
  });

  test("fill in part of a text, with defaults where unset or empty", () => {
    const text = "listen: { host: ${A:-x}.${B:-y}.${C}, port: ${PORT:-82} }";
    expect(configOf(text, { B: "", C: "z" }).listen).toMatchObject({ host: "x.y.z", port: 82 });
  });

  test("cannot inject structure, nor refer to other variables", () => {
    const host = "a, port: 1 }\nworkers: 9\n# ${PORT}";
    expect(configOf("listen: { host: ${HOST} }", { HOST: host })).toMatchObject({
      listen: { host, port: 8080 },
      workers: 1,
    });
  });

  test("are left alone after an escape, in keys and in comments", () => {
    const text = "# ${NOT_SET}\nlisten:\n  host: a$${B}$C\nlabels: { '${K}': v }\n";
    expect(configOf(text)).toMatchObject({ listen: { host: "a${B}$C" }, labels: { "${K}": "v" } });
  });

  test("that are not set, or that are misspelt, are problems", () => {
    expect(problemsOf("listen:\n  host: ${HOST}\n  port: ${PORT}\n")).toEqual([
      "millrace.yaml:2:9: listen.host: the environment variable HOST is not set; set it, or give a default: ${HOST:-default}",
      "millrace.yaml:3:9: listen.port: the environment variable PORT is not set; set it, or give a default: ${PORT:-default}",
    ]);
    expect(problemsOf("listen:\n  host: ${MY HOST}\n")).toEqual([expect.stringContaining("`${` begins a variable")]);
  });

  test("that are set but empty are warned of", () => {
    expect(read("labels:\n  a: ${A}\n", { A: "" })).toMatchObject({
      warnings: ["millrace.yaml:2:6: labels.a: the environment variable A is set but empty"],
    });
  });

  test("are never quoted in a problem, and neither are keys", () => {
    const secret = "hunter2";
    const text = `workers: \${S}\nlisten: { port: "x-\${S}" }\nsources: [{ name: web, keys: [${secret}] }]\n`;
    const problems = problemsOf(text, { S: secret });
    expect(problems).toHaveLength(3);
    expect(problems[0]).toContain("found the value of ${S}");
    expect(problems.join("\n")).not.toContain(secret);
  });
});

test("a check beyond the schema can name the place of its problem", () => {
  const parsed = read("sinks:\n  - name: a\n    type: file\n    dir: x\n    when: '('\n");
  expect(parsed.kind === "ok" && parsed.problemAt(["sinks", 0, "when"], "not CEL")).toEqual({
    file: "millrace.yaml",
    line: 5,
    column: 11,
    path: "sinks[0].when",
    message: "not CEL",
  });
});
