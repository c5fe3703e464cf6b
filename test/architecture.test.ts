import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { ERROR_CODES } from "../src/core/errors.ts";
import { PROBLEM_CODES } from "../src/ingest/problems.ts";
import { PROTOCOLS } from "../src/ingest/protocols/all-protocols.ts";
import { VALIDATION_CODES } from "../src/schemas/validation-codes.ts";

const ROOT = path.dirname(import.meta.dirname);
const MAX_LINES = 400;

/** What each folder of `src` may import, itself aside. Only `app` and `cli` put parts together. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  journal: ["core"],
  pipeline: ["core", "expressions"],
  ingest: ["core"],
  schemas: ["core", "watch"],
  formats: ["core"],
  outbound: ["core"],
  aws: ["core", "outbound"],
  expressions: ["core"],
  alerts: ["core", "outbound"],
  sinks: ["core", "aws", "formats", "outbound", "expressions", "alerts"],
  telemetry: ["core"],
  admin: ["core"],
  config: ["core", "watch"],
  watch: [],
  browser: [],
  decode: [],
  lambda: ["claims", "core", "decode", "outbound", "pipeline", "telemetry", "schemas", "app"],
  testing: ["core"],
  chaos: ["core", "decode", "testing"],
  cost: [],
  query: ["core", "formats"],
  bench: [],
  client: [],
  supervisor: ["core"],
  lifeboat: ["core"],
  replay: ["core", "journal", "pipeline", "formats", "outbound"],
  find: ["core", "journal", "formats", "outbound", "replay"],
  claims: ["core", "formats"],
  app: [
    "core",
    "journal",
    "pipeline",
    "ingest",
    "schemas",
    "sinks",
    "telemetry",
    "admin",
    "config",
    "supervisor",
    "lifeboat",
    "find",
    "outbound",
    "claims",
    "expressions",
    "alerts",
  ],
  cli: [
    "core",
    "journal",
    "ingest",
    "schemas",
    "telemetry",
    "config",
    "lifeboat",
    "replay",
    "find",
    "app",
    "chaos",
    "cost",
    "bench",
    "query",
    "claims",
    "alerts",
  ],
  "client.ts": ["client"],
  "main.ts": ["cli"],
  "decode.ts": ["decode"],
  "lambda.ts": ["lambda"],
  "testing.ts": ["decode", "testing"],
};

const SINK_FILES = ["config.ts", "sink.ts", "encode.ts", "response.ts"];

/** Files a sink does without, since they would be empty. */
const NOT_IN_SINK: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  memory: {
    "encode.ts": "events are kept as they are",
    "response.ts": "nothing answers",
  },
  stdout: {
    "encode.ts": "its format is that of formats/ndjson.ts and nothing more",
  },
};

interface SourceFile {
  /** From the root of the repository, with `/`. */
  readonly name: string;
  readonly text: string;
}

const sources = filesBelow("src").filter(({ name }) => name.endsWith(".ts"));
const shipped = sources.filter(({ name }) => !name.endsWith(".test.ts"));
const sinkTypes = readdirSync(path.join(ROOT, "src/sinks"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

describe("imports", () => {
  test("every folder is known, with what it may import", () => {
    const folders = new Set(sources.map(({ name }) => folderOf(name)));
    expect([...folders].filter((folder) => MAY_IMPORT[folder] === undefined)).toEqual([]);
  });

  test("go only where they may, those of types too", () => {
    const wrong: string[] = [];
    for (const { name, text } of sources) {
      const from = folderOf(name);
      for (const target of ownImports(name, text)) {
        const to = folderOf(target);
        const allowed = to === from || (MAY_IMPORT[from]?.includes(to) ?? false);
        if (!allowed) wrong.push(`${name} imports ${target}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test("of one sink do not reach into another", () => {
    const wrong: string[] = [];
    for (const { name, text } of sources) {
      const own = sinkFolderOf(name);
      if (own === undefined) continue;
      for (const target of ownImports(name, text)) {
        const other = sinkFolderOf(target);
        if (other !== undefined && other !== own) wrong.push(`${name} imports ${target}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test("of the client are its own files only, so that it runs where there is no Node", () => {
    const client = shipped.filter(({ name }) => folderOf(name) === "client" || name === "src/client.ts");
    expect(namesOf(client, /\b(?:from|import)\s*\(?\s*"[^."]/)).toEqual([]);
  });

  test("name the file they mean, within src, with its ending", () => {
    const known = new Set(sources.map(({ name }) => name));
    const wrong = sources.flatMap(({ name, text }) =>
      ownImports(name, text)
        .filter((target) => !known.has(target))
        .map((target) => `${name} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });
});

describe("files", () => {
  test("are no barrels and no drawers", () => {
    const drawer = /\/(index|util|utils|types|helper|helpers|common|misc)\.ts$/;
    expect(sources.map(({ name }) => name).filter((name) => drawer.test(name))).toEqual([]);
    // The package's public sub-paths are the only places where names are handed on.
    const handsOn = /^export (type )?(\*|\{[^}]*\}) from /m;
    expect(namesOf(shipped, handsOn).toSorted()).toEqual([
      "src/browser/browser.ts",
      "src/client.ts",
      "src/decode.ts",
      "src/lambda.ts",
      "src/testing.ts",
    ]);
  });

  test(`have at most ${MAX_LINES} lines`, () => {
    const long = shipped.map(({ name, text }) => ({ name, lines: text.split("\n").length - 1 }));
    expect(long.filter(({ lines }) => lines > MAX_LINES)).toEqual([]);
  });

  test("are named in kebab-case", () => {
    const kebab = /^[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.ts$/;
    expect(sources.map(({ name }) => name).filter((name) => !kebab.test(path.posix.basename(name)))).toEqual([]);
  });
});

describe("words", () => {
  test("that put something off are nowhere", () => {
    expect(namesOf([...sources, ...filesBelow("docs")], /\b(TODO|FIXME|XXX|HACK)\b/)).toEqual([]);
  });

  test("that switch the types off are nowhere", () => {
    expect(namesOf(sources, /\bas any\b|<any>|: any(\[\])?[;,)=]|@ts-(ignore|nocheck|expect-error)/)).toEqual([]);
  });

  test("that name nothing name nothing", () => {
    const vague = /\b(class|interface|type|function|const) \w*(Manager|Helpers?|Utils?)\b/;
    expect(namesOf(sources, vague)).toEqual([]);
  });

  test("of time come from the clock that is passed in, where a simulation must decide it", () => {
    const timed = shipped.filter(({ name }) =>
      /^src\/(pipeline|journal|sinks|formats|outbound|alerts|claims)\//.test(name),
    );
    expect(namesOf(timed, /\b(setTimeout|setInterval|Date\.now|performance\.now)\b|node:timers/)).toEqual([]);
  });

  test("of the log do not go to the console", () => {
    // A page has no other place for what a developer asked to be told.
    const collectors = shipped.filter(({ name }) => !name.startsWith("src/browser/"));
    expect(namesOf(collectors, /\bconsole\.\w+\(/)).toEqual([]);
  });
});

describe.each(sinkTypes)("the sink %s", (type) => {
  test("has the files every sink has", () => {
    const files = readdirSync(path.join(ROOT, "src/sinks", type));
    const without = Object.keys(NOT_IN_SINK[type] ?? {});
    expect(SINK_FILES.filter((file) => !files.includes(file))).toEqual(
      SINK_FILES.filter((file) => without.includes(file)),
    );
  });

  test("goes by the name of its folder, and passes the conformance suite", () => {
    expect(read(`src/sinks/${type}/config.ts`)).toContain(`type: z.literal("${type}")`);
    expect(read(`test/conformance/${type}.test.ts`)).toContain("describeSinkConformance(");
  });

  test("is documented", () => {
    expect(read("docs/configuration.md")).toMatch(new RegExp(`^#+ .*\\b${type}\\b`, "m"));
  });
});

describe.each(PROTOCOLS.filter(({ name }) => name !== "native"))("the protocol $name", ({ name, endpoints }) => {
  test("has a folder of its name and a page, which the overview names with its paths", () => {
    expect(read(`src/ingest/protocols/${name}/${name}-protocol.ts`)).toContain(`name: "${name}"`);
    expect(read(`docs/protocols/${name}.md`)).toContain("curl");
    expect(read("docs/protocols.md")).toContain(`[\`${name}\`](protocols/${name}.md)`);
  });

  test("has a client that others wrote among the tests, or says why not", () => {
    expect(read("docs/conformance.md")).toMatch(new RegExp(`^\\| ${name} \\|`, "m"));
  });

  test("is in the description of the API", () => {
    const paths = Object.keys((JSON.parse(read("docs/openapi.json")) as { paths: object }).paths);
    expect(endpoints.map(({ path: at }) => at).filter((at) => !paths.includes(at))).toEqual([]);
  });
});

test.each([
  ["failures at a boundary", ERROR_CODES],
  ["refused requests", PROBLEM_CODES],
  ["invalid events", Object.keys(VALIDATION_CODES)],
])("every code of %s is documented in docs/errors.md", (_kind, codes) => {
  const documented = read("docs/errors.md");
  expect(codes.filter((code) => !documented.includes(`\`${code}\``))).toEqual([]);
});

function filesBelow(folder: string): SourceFile[] {
  return readdirSync(path.join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(ROOT, path.join(entry.parentPath, entry.name)).split(path.sep).join("/"))
    .map((name) => ({ name, text: read(name) }));
}

function read(name: string): string {
  return readFileSync(path.join(ROOT, name), "utf8");
}

function namesOf(files: readonly SourceFile[], pattern: RegExp): string[] {
  return files.filter(({ text }) => pattern.test(text)).map(({ name }) => name);
}

/** The first part below `src`: a folder, or one of the files that stand beside them. */
function folderOf(name: string): string {
  return name.split("/")[1] ?? "";
}

function sinkFolderOf(name: string): string | undefined {
  return /^src\/sinks\/([^/]+)\//.exec(name)?.[1];
}

/** The files of ours that a file imports, whether at the top, by `import()` or for a type. */
function ownImports(name: string, text: string): string[] {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
  const targets = [...code.matchAll(/\b(?:from|import)\s*\(?\s*"(\.\.?\/[^"]+)"/g)];
  return targets.map(([, target = ""]) => path.posix.join(path.posix.dirname(name), target));
}
