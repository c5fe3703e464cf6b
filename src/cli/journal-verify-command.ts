import { Command } from "commander";
import { shortPath } from "../config/short-path.ts";
import type { Damage } from "../journal/segment-check.ts";
import type { SlotVerification } from "../journal/slot-verification.ts";
import { clearLine, showLine } from "./changing-line.ts";
import { type CliContext, type Run, printJson, printLine } from "./cli-context.ts";
import { EXIT } from "./exit-codes.ts";
import { type SlotOptions, slotDirectories } from "./journal-slots.ts";
import { configOption, jsonOption } from "./options.ts";
import { painter } from "./paint.ts";
import { roughBytes } from "./rough-bytes.ts";
import { table } from "./table.ts";

/** Progress is shown once a check takes longer, and this often. */
const PROGRESS_MS = 1_000;

export function journalVerifyCommand(context: CliContext, run: Run): Command {
  return new Command("verify")
    .description("read every record of the journal, and list what is damaged or missing")
    .argument("[directory]", "a journal, a slot of one, or a lifeboat; otherwise journal.dir of the configuration")
    .option("--slot <slot>", "only this slot")
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Nothing is changed, and a collector may run on the journal meanwhile: what it is just writing is
no damage. The exit code is 0 when all is sound and 1 when damage was found, or no slot in
a directory that was named.

Examples:
  millrace journal verify
  millrace journal verify --slot 0 --json
  millrace journal verify /mnt/lifeboats/node-a-0-20261125T030405Z`,
    )
    .action((directory: string | undefined, options: SlotOptions) => run(() => verify(directory, options, context)));
}

async function verify(directory: string | undefined, options: SlotOptions, context: CliContext): Promise<number> {
  const directories = await slotDirectories(directory, options, context);
  if (directories === undefined) return EXIT.configInvalid;
  const slots: SlotVerification[] = [];
  for (const slot of directories) slots.push(await verifyOne(slot, context));
  if (options.json) printJson(context.stdout, slots);
  else if (slots.length === 0) printLine(context.stdout, "The journal has no slots yet.");
  else printLine(context.stdout, slots.map((slot) => describe(slot, context)).join("\n\n"));
  return slots.every(({ sound }) => sound) ? EXIT.ok : EXIT.failed;
}

async function verifyOne(directory: string, context: CliContext): Promise<SlotVerification> {
  const [{ verifySlot }, { checkLifeboat }] = await Promise.all([
    import("../journal/slot-verification.ts"),
    import("./check-lifeboat.ts"),
  ]);
  const progress = progressOn(context, shortPath(directory, context.cwd));
  try {
    const found = await verifySlot(directory, (done, total) => progress.show(done, total));
    const ofManifest = await checkLifeboat(directory);
    const damage = [...found.damage, ...ofManifest];
    return { ...found, damage, sound: found.sound && ofManifest.length === 0 };
  } finally {
    progress.end();
  }
}

/** One line that changes, on a terminal only. */
function progressOn({ stderr }: CliContext, name: string) {
  let nextMs = performance.now() + PROGRESS_MS;
  let isShown = false;
  return {
    show(done: number, total: number): void {
      if (stderr.isTTY !== true || performance.now() < nextMs) return;
      nextMs = performance.now() + PROGRESS_MS;
      isShown = true;
      showLine(stderr, `${name}: ${roughBytes(done)} of ${roughBytes(total)} read`);
    },
    end(): void {
      if (isShown) clearLine(stderr);
    },
  };
}

function describe(slot: SlotVerification, { stdout, env, cwd }: CliContext): string {
  const paint = painter(stdout, env);
  const { damage, sinks, sound, unfinishedBytes } = slot;
  const rows = [
    ["read", `${counted(slot.events, "event")} in ${counted(slot.segments, "segment")}, ${roughBytes(slot.bytes)}`],
  ];
  if (slot.process !== undefined) rows.push(["process", `in use by process ${slot.process}`]);
  if (unfinishedBytes > 0)
    rows.push(["unfinished", `${unfinishedBytes} bytes at an end, of a write that did not finish`]);
  for (const { sink, held, missing } of sinks)
    rows.push([
      `sink ${sink}`,
      missing === 0
        ? `has to get ${held} events, and all are there`
        : paint("red", `has to get ${held} events, and ${missing} are missing`),
    ]);
  for (const one of damage) rows.push([one.file, paint("red", damageText(one))]);
  const verdict = sound ? paint("green", "sound") : paint("red", "damaged");
  return `${paint("bold", shortPath(slot.directory, cwd))}: ${verdict}\n\n${table(rows)}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function damageText({ offset, bytes, positions, problem }: Damage): string {
  const place = offset === undefined ? "" : ` (offset ${offset}, ${bytes} bytes)`;
  if (positions === undefined) return `${problem}${place}`;
  const [from, to] = positions;
  const missing = to - from === 1 ? `position ${from} is missing` : `positions ${from} to ${to - 1} are missing`;
  return `${problem}${place}; ${missing}`;
}
