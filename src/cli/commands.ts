import type { Command } from "commander";
import type { CliContext, Run } from "./cli-context.ts";

type MakeCommand = (context: CliContext, run: Run) => Command;

/** The commands by name, in the order of the help. The code of each is loaded when it is asked for. */
const COMMANDS: ReadonlyMap<string, () => Promise<MakeCommand>> = new Map([
  ["start", async () => (await import("./start-command.ts")).startCommand],
  ["dev", async () => (await import("./dev-command.ts")).devCommand],
  ["check", async () => (await import("./check-command.ts")).checkCommand],
  ["bench", async () => (await import("./bench-command.ts")).benchCommand],
  ["chaos", async () => (await import("./chaos-command.ts")).chaosCommand],
  ["query", async () => (await import("./query-command.ts")).queryCommand],
  ["cost", async () => (await import("./cost-command.ts")).costCommand],
  ["schema", async () => (await import("./schema-command.ts")).schemaCommand],
  ["setup", async () => (await import("./setup-command.ts")).setupCommand],
  ["journal", async () => (await import("./journal-command.ts")).journalCommand],
  ["find", async () => (await import("./find-command.ts")).findCommand],
  ["replay", async () => (await import("./replay-command.ts")).replayCommand],
  ["notify", async () => (await import("./notify-command.ts")).notifyCommand],
  ["keys", async () => (await import("./keys-command.ts")).keysCommand],
  ["version", async () => (await import("./version-command.ts")).versionCommand],
]);

/** The command that is named, alone; all of them when `name` is none, as for the help. */
export async function commandsFor(name: string | undefined): Promise<MakeCommand[]> {
  const named = COMMANDS.get(name ?? "");
  const loading = named === undefined ? [...COMMANDS.values()] : [named];
  return Promise.all(loading.map((load) => load()));
}
