import { Command } from "commander";
import { shortPath } from "../config/short-path.ts";
import type { SlotInspection } from "../journal/slot-inspection.ts";
import { type CliContext, type Run, printJson, printLine } from "./cli-context.ts";
import { EXIT } from "./exit-codes.ts";
import { type SlotOptions, slotDirectories } from "./journal-slots.ts";
import { configOption, jsonOption } from "./options.ts";
import { painter } from "./paint.ts";
import { roughBytes } from "./rough-bytes.ts";
import { table } from "./table.ts";

export function journalInspectCommand(context: CliContext, run: Run): Command {
  return new Command("inspect")
    .description("show what the journal holds: segments, positions, cursors, and what was set aside")
    .argument("[directory]", "a journal, a slot of one, or a lifeboat; otherwise journal.dir of the configuration")
    .option("--slot <slot>", "only this slot")
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Nothing is changed, and a collector may run on the journal meanwhile. What sinks hold is as of the
last checkpoint, which a running collector saves about every 100 ms.

Examples:
  millrace journal inspect
  millrace journal inspect --slot 0 --json
  millrace journal inspect /mnt/lifeboats/node-a-0-20261125T030405Z`,
    )
    .action((directory: string | undefined, options: SlotOptions) => run(() => inspect(directory, options, context)));
}

async function inspect(directory: string | undefined, options: SlotOptions, context: CliContext): Promise<number> {
  const directories = await slotDirectories(directory, options, context);
  if (directories === undefined) return EXIT.configInvalid;
  const { inspectSlot } = await import("../journal/slot-inspection.ts");
  const slots: SlotInspection[] = [];
  for (const slot of directories) slots.push(await inspectSlot(slot));
  if (options.json) printJson(context.stdout, slots);
  else if (slots.length === 0) printLine(context.stdout, "The journal has no slots yet.");
  else printLine(context.stdout, slots.map((slot) => describe(slot, context)).join("\n\n"));
  return EXIT.ok;
}

function describe(slot: SlotInspection, { stdout, env, cwd }: CliContext): string {
  const paint = painter(stdout, env);
  const { checkpoint, damaged, segments, first, end } = slot;
  const versions = new Set(segments.map(({ header, version }) => (header === "ok" ? `${version}` : header)));
  const rows = [
    ["process", processOf(slot)],
    [
      "segments",
      segments.length === 0
        ? "none"
        : `${segments.length}, ${roughBytes(slot.bytes)}, format ${[...versions].join(" and ")}`,
    ],
    ["positions", first === end ? `no events; the next is ${end} or above` : `${first} up to ${end}`],
    ["checkpoint", checkpointText(slot)],
  ];
  if (checkpoint.state === "sound") {
    for (const { sink, cursor, held } of checkpoint.sinks)
      rows.push([`sink ${sink}`, `holds ${held} events, cursor ${cursor}`]);
  }
  const list = damaged.map(({ name, bytes }) => `${name} (${roughBytes(bytes)})`).join(", ");
  rows.push(["damaged/", damaged.length === 0 ? "nothing" : paint("yellow", list)]);
  return `${paint("bold", shortPath(slot.directory, cwd))}\n\n${table(rows)}`;
}

function processOf({ process, ended }: SlotInspection): string {
  if (process !== undefined) return `in use by process ${process}`;
  if (ended === "unknown") return "none; how the last one ended is not noted";
  return ended === "cleanly"
    ? "none; the last one ended cleanly"
    : "none; the last one was killed, or the power failed";
}

function checkpointText({ checkpoint, end }: SlotInspection): string {
  if (checkpoint.state !== "sound")
    return checkpoint.state === "none" ? "none: all events are owed to every sink" : checkpoint.state;
  const { countedTo } = checkpoint;
  if (countedTo === end) return `counts all events, up to ${countedTo}`;
  if (countedTo < end) return `counts the events up to ${countedTo}; those behind it are counted at the next start`;
  return `counts the events up to ${countedTo}, which is more than there are`;
}
