// Writes the documents that are made from the code. With --check it writes nothing and
// fails when one of them is not what the code says.
import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { millraceConfig } from "../src/app/config.ts";
import { packageVersion } from "../src/app/package-version.ts";
import { runCli } from "../src/cli/run-cli.ts";
import { configurationDocs } from "../src/config/configuration-docs.ts";
import { editorSchema } from "../src/config/editor-schema.ts";
import { toJsonSchema } from "../src/config/json-schema.ts";
import { httpConfig } from "../src/ingest/config.ts";
import { openapiDocument } from "../src/ingest/openapi.ts";

const CONFIGURATION_PREFACE = `
# Configuration

<!-- Made from the code by \`npm run docs\`. Change the descriptions there. -->

Millrace reads one file: the one named by \`--config\`, else \`millrace.yaml\`, \`millrace.yml\` or
\`millrace.json\` in the current folder, else [a built-in one](../examples/quickstart/millrace.yaml) to try things
with. It is YAML 1.2, or JSON. \`millrace check\` lists everything that is wrong with it, each problem with its
line, and says what the configuration would run and what it could lose.

- **Unknown keys are refused**, so that a misspelt one cannot go unnoticed. Every key that is not
  **required** has a default.
- **Variables.** \`\${NAME}\` stands for an environment variable and \`\${NAME:-default}\` for one that may be unset
  or empty; \`$\${\` stands for \`\${\`. They are filled in after the file is parsed, so a value cannot change the
  structure, and a value that is a single variable becomes a number or a truth value where one is
  expected: \`port: \${PORT:-8080}\`. Values from variables are not printed in problems.
- **Sizes** are bytes, or a number with a unit: \`64MiB\`, \`1.5GiB\`, \`500KB\`. **Times** are in milliseconds, as their
  names say.
- **Paths** are relative to the configuration file.
- **Changes** of the file take effect while Millrace runs, as they do on SIGHUP: sources, schemas and sinks
  without dropping a connection, the other parts at the next start. A file that is not valid is
  refused, and the old configuration stays in force.
- **Editors** complete and check the file with [millrace.schema.json](millrace.schema.json), which
  \`millrace schema config\` prints too:
  \`# yaml-language-server: $schema=./millrace.schema.json\` on the first line.
`;

const CONFORMANCE_PREFACE = `# Conformance

<!-- Made from test/clients/results by \`npm run docs\`. Each row is what a test of the same name in test/clients saw. -->

Clients that others wrote, sending to a collector in a process of its own. The tests compare what arrived in files,
event by event, with what was sent, and wait for the client's own sign that it was taken.

| Protocol | Client | Version | Sent | Arrived | The client saw |
| --- | --- | --- | --- | --- | --- |
`;

interface GeneratedDocument {
  /** Absolute. */
  readonly file: string;
  readonly content: string;
}

/** The documents as the code would have them. */
async function generatedDocuments(): Promise<readonly GeneratedDocument[]> {
  const docs = fileURLToPath(new URL("../docs", import.meta.url));
  const document = (name: string, content: string) => ({ file: path.join(docs, name), content });
  return [
    document("configuration.md", configurationDocs(toJsonSchema(millraceConfig), CONFIGURATION_PREFACE)),
    document("millrace.schema.json", toJson(editorSchema(millraceConfig, "Millrace configuration"))),
    document("openapi.json", toJson(openapiDocument(packageVersion(), httpConfig.parse({})))),
    document("conformance.md", await conformanceDocument()),
    document("cost.md", await withOutputs(await readFile(path.join(docs, "cost.md"), "utf8"))),
  ];
}

async function conformanceDocument(): Promise<string> {
  const results = fileURLToPath(new URL("../test/clients/results", import.meta.url));
  const names = (await readdir(results)).filter((name) => name.endsWith(".json")).toSorted();
  const rows = await Promise.all(
    names.map(async (name) => JSON.parse(await readFile(path.join(results, name), "utf8")) as Record<string, string>),
  );
  const cells = ["protocol", "client", "version", "sent", "arrived", "clientSaw"];
  const lines = rows.map((row) => `| ${cells.map((cell) => row[cell] ?? "").join(" | ")} |`);
  return `${CONFORMANCE_PREFACE}${lines.join("\n")}\n`;
}

/** A page with what `millrace cost` prints in each block that follows a comment which names the command. */
async function withOutputs(page: string): Promise<string> {
  let filled = page;
  for (const [block, command = ""] of page.matchAll(
    /<!-- Made by `millrace (cost[^`]*)` -->\n+```text\n[\s\S]*?```/g,
  )) {
    const head = block.slice(0, block.indexOf("```text\n"));
    const output = await outputOf(command.split(" "));
    filled = filled.replace(block, () => `${head}\`\`\`text\n${output}\`\`\``);
  }
  return filled;
}

async function outputOf(args: readonly string[]): Promise<string> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const exitCode = await runCli(args, { stdin: Readable.from([]), stdout, stderr, env: {}, cwd: import.meta.dirname });
  stdout.end();
  if (exitCode !== 0) throw new Error(`millrace ${args.join(" ")} ends with ${exitCode}`);
  return text(stdout);
}

/** Those of the documents whose file does not hold what it should. */
export async function staleDocuments(): Promise<readonly GeneratedDocument[]> {
  const stale = [];
  for (const document of await generatedDocuments()) {
    const content = await readFile(document.file, "utf8").catch(() => undefined);
    if (content !== document.content) stale.push(document);
  }
  return stale;
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

if (import.meta.main) {
  const check = process.argv.includes("--check");
  const stale = await staleDocuments();
  for (const { file, content } of stale) {
    const name = path.relative(process.cwd(), file);
    console.log(check ? `${name} is not what the code says; run \`npm run docs\`` : `${name} written`);
    if (!check) await writeFile(file, content);
  }
  if (stale.length === 0) console.log("the documents are what the code says");
  process.exitCode = check && stale.length > 0 ? 1 : 0;
}
