import { mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test, vi } from "vitest";
import { parse } from "yaml";
import { millraceConfig } from "../src/app/config.ts";

const TERRAFORM = path.join(import.meta.dirname, "../deploy/terraform");

/** What Terraform's `templatefile` makes of a template that has one loop over `sources`, as far as ours go. */
function render(template: string, values: Readonly<Record<string, string>>, sources: readonly string[]): string {
  return template
    .replaceAll(/^%\{ for name in sources ~\}\n([\s\S]*?)^%\{ endfor ~\}\n/gm, (_, body: string) =>
      sources
        .map((name) =>
          body.replaceAll('$${${upper(replace(name, "-", "_"))}_WRITE_KEY}', `wk_${name}`).replaceAll("${name}", name),
        )
        .join(""),
    )
    .replaceAll(/\$\{(\w+)\}/g, (_, name: string) => values[name] ?? `no value for ${name}`);
}

test("the configuration that Terraform gives the collectors is one they take", async () => {
  const template = await readFile(path.join(TERRAFORM, "millrace/millrace.yaml.tftpl"), "utf8");
  const values = {
    region: "eu-west-1",
    stream: "web-events",
    bucket: "events-archive-123456789012",
    boats: "events-lifeboats-123456789012",
    search: "https://search-events.eu-west-1.es.amazonaws.com",
  };
  const parsed = millraceConfig.safeParse(parse(render(template, values, ["web", "mobile-app"])));
  expect(parsed.error?.issues ?? []).toEqual([]);
  expect(parsed.data?.sources.map(({ keys }) => keys)).toEqual([["wk_web"], ["wk_mobile-app"]]);
});

test("the function of the consumer has options that the handler takes", async () => {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), "millrace-consumer-"));
  const code = await readFile(path.join(TERRAFORM, "consumer/function/index.mjs"), "utf8");
  const ours = pathToFileURL(path.join(import.meta.dirname, "../src/lambda.ts")).href;
  const file = path.join(folder.path, "index.mjs");
  await writeFile(file, code.replace('"millrace/lambda"', JSON.stringify(ours)));
  vi.stubEnv("AWS_REGION", "eu-west-1");
  vi.stubEnv("NOTIFICATIONS", "notifications");
  vi.stubEnv("SEARCH_URL", "https://search-events.eu-west-1.es.amazonaws.com");
  vi.stubEnv("DEAD_LETTERS", "https://sqs.eu-west-1.amazonaws.com/123456789012/dead-letters");
  await expect(import(pathToFileURL(file).href)).resolves.toHaveProperty("handler");
});
