import path from "node:path";
import { Command } from "commander";
import type { MillraceConfig } from "../app/config.ts";
import { MillraceError } from "../core/errors.ts";
import { importLifeboat } from "../lifeboat/import-lifeboat.ts";
import { type LifeboatStore, openLifeboatStore } from "../lifeboat/lifeboat-store.ts";
import { type Manifest, parseManifest } from "../lifeboat/manifest.ts";
import { type CliContext, type Run, printJson, printLine } from "./cli-context.ts";
import { EXIT } from "./exit-codes.ts";
import { configOption, jsonOption } from "./options.ts";
import { reportProblems } from "./report-problems.ts";

interface ImportOptions {
  readonly config?: string;
  readonly lifeboat?: string;
  readonly region?: string;
  readonly endpoint?: string;
  readonly list?: true;
  readonly keep?: true;
  readonly force?: true;
  readonly json?: true;
}

interface Boat {
  readonly name: string;
  readonly manifest: Manifest;
}

export function journalImportCommand(context: CliContext, run: Run): Command {
  return new Command("import")
    .description("take over lifeboats: what another node could not deliver before it stopped")
    .argument("[place]", "a directory or s3://BUCKET/PREFIX; otherwise shutdown.lifeboat of the configuration")
    .option("--list", "only list the lifeboats that are there")
    .option("--lifeboat <name>", "take over this one only")
    .option("--keep", "leave the lifeboat where it is; otherwise it is deleted once it is taken over")
    .option("--force", "also where a sink that is owed events is not configured here; what it is owed is given up")
    .option("--region <region>", "AWS region of the bucket; otherwise that of the configuration, or AWS_REGION")
    .option("--endpoint <url>", "another S3 service than AWS")
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Each lifeboat becomes a slot of this node's journal. A collector that runs delivers it within
seconds; otherwise the next start does. Events that the other node delivered after all, because
it came back with its disk, arrive twice: they have the same ids.

Examples:
  millrace journal import --list
  millrace journal import /mnt/lifeboats
  millrace journal import s3://backup/millrace-lifeboats/ --region eu-west-1`,
    )
    .action((place: string | undefined, options: ImportOptions) => run(() => importAll(place, options, context)));
}

async function importAll(place: string | undefined, options: ImportOptions, context: CliContext): Promise<number> {
  const { cwd, env, stdout } = context;
  const { loadAppConfig } = await import("../app/load-app-config.ts");
  const loaded = await loadAppConfig({ file: options.config, cwd, env });
  if (loaded.kind === "problems") {
    reportProblems(loaded, context, options.json);
    return EXIT.configInvalid;
  }
  const { config } = loaded;
  const store = await openStore(place, options, config, context);
  const boats = await boatsOf(store, options.lifeboat);
  if (options.list) {
    if (options.json) printJson(stdout, { place: store.place, lifeboats: boats });
    else list(boats, store, context);
    return EXIT.ok;
  }
  for (const boat of boats) {
    if (!options.force) assertSinksConfigured(boat, config);
  }
  for (const { name, manifest } of boats) {
    const isNew = await importLifeboat(store, name, manifest, config.journal.dir);
    if (!options.keep) await store.remove(name);
    if (!isNew && !options.json) {
      printLine(stdout, `${name} was imported before; its slot is in ${config.journal.dir}.`);
      continue;
    }
    if (!options.json) printLine(stdout, `${name} is a slot of ${config.journal.dir} now (${heldText(manifest)}).`);
  }
  if (options.json) printJson(stdout, { place: store.place, imported: boats });
  else if (boats.length === 0) printLine(stdout, `There are no lifeboats in ${store.place}.`);
  else
    printLine(
      stdout,
      "A collector that runs on this journal delivers it within seconds; otherwise the next start does.",
    );
  return EXIT.ok;
}

async function openStore(
  place: string | undefined,
  options: ImportOptions,
  config: MillraceConfig,
  { cwd, env }: CliContext,
): Promise<LifeboatStore> {
  const configured = config.shutdown.lifeboat;
  const { region: otherRegion, endpoint: otherEndpoint } = options;
  if (place === undefined) {
    if (configured === undefined)
      throw new MillraceError(
        "usage",
        "name the place of the lifeboats, or set shutdown.lifeboat in the configuration",
      );
    if (configured.s3 === undefined) {
      refuseBucketOptions(options, configured.dir ?? "");
      return openLifeboatStore(configured);
    }
    const { s3: bucket } = configured;
    return openLifeboatStore({
      ...configured,
      s3: { ...bucket, region: otherRegion ?? bucket.region, endpoint: otherEndpoint ?? bucket.endpoint },
    });
  }
  const s3 = /^s3:\/\/([^/]+)\/?(.*)$/.exec(place);
  if (s3 === null) {
    refuseBucketOptions(options, place);
    return openLifeboatStore({ dir: path.resolve(cwd, place), reserveMs: 0 });
  }
  const region = otherRegion ?? configured?.s3?.region ?? env["AWS_REGION"];
  if (region === undefined) throw new MillraceError("usage", "say in which AWS region the bucket is, with --region");
  const endpoint = otherEndpoint ?? configured?.s3?.endpoint;
  const [, bucket = "", prefix = ""] = s3;
  return openLifeboatStore({ s3: { bucket, prefix, region, endpoint }, reserveMs: 0 });
}

function refuseBucketOptions({ region, endpoint }: ImportOptions, place: string): void {
  if (region === undefined && endpoint === undefined) return;
  throw new MillraceError("usage", `--region and --endpoint are for buckets, and ${place} is a directory`);
}

async function boatsOf(store: LifeboatStore, only: string | undefined): Promise<Boat[]> {
  const names = await store.list();
  if (only !== undefined && !names.includes(only)) {
    throw new MillraceError(
      "usage",
      `there is no lifeboat ${JSON.stringify(only)} in ${store.place}; --list shows those that are there`,
    );
  }
  const boats: Boat[] = [];
  for (const name of only === undefined ? names : [only]) {
    boats.push({ name, manifest: parseManifest(await store.manifest(name), name) });
  }
  return boats;
}

function assertSinksConfigured({ name, manifest }: Boat, { sinks }: MillraceConfig): void {
  for (const [sink, events] of Object.entries(manifest.held)) {
    if (events === 0 || sinks.some((configured) => configured.name === sink)) continue;
    throw new MillraceError(
      "lifeboat_invalid",
      `lifeboat ${name} has ${events} events for sink ${sink}, which is not configured here. Add the sink, or give these events up with --force. Nothing was imported.`,
    );
  }
}

function list(boats: readonly Boat[], store: LifeboatStore, { stdout }: CliContext): void {
  if (boats.length === 0) printLine(stdout, `There are no lifeboats in ${store.place}.`);
  for (const { name, manifest } of boats) {
    printLine(
      stdout,
      `${name}  of node ${manifest.node}, slot ${manifest.slot}, ${manifest.madeAt}: ${heldText(manifest)}`,
    );
  }
}

function heldText({ held }: Manifest): string {
  return Object.entries(held)
    .filter(([, events]) => events > 0)
    .map(([sink, events]) => `${events} for sink ${sink}`)
    .join(", ");
}
