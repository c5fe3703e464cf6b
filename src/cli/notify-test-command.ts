import { Command } from "commander";
import { type CliContext, type Run, printJson, printLine } from "./cli-context.ts";
import { EXIT } from "./exit-codes.ts";
import { configOption, jsonOption } from "./options.ts";
import { painter } from "./paint.ts";
import { reportProblems } from "./report-problems.ts";
import { table } from "./table.ts";

interface TestOptions {
  readonly config?: string;
  readonly json?: true;
  readonly sink?: string;
  readonly channel?: string;
  readonly rule?: string;
}

export function notifyTestCommand(context: CliContext, run: Run): Command {
  return new Command("test")
    .description("send a test message to the channels of the configuration, and show what each answers")
    .option("--channel <name>", "only this channel")
    .option("--rule <name>", "send what this rule would send, to its channels")
    .option("--sink <name>", "only the channels of this sink")
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
The message says that it is a test. Each channel is tried once; the exit code is 1 when one did not
take it. No collector need run. In Alertmanager the alert has the label millrace_test="true" and is
over by itself.

Examples:
  millrace notify test
  millrace notify test --channel pager --rule js-errors`,
    )
    .action((options: TestOptions) => run(() => notifyTest(options, context)));
}

async function notifyTest(options: TestOptions, context: CliContext): Promise<number> {
  const { stdout, env, cwd } = context;
  const { loadAppConfig } = await import("../app/load-app-config.ts");
  const loaded = await loadAppConfig({ file: options.config, cwd, env });
  if (loaded.kind === "problems") {
    reportProblems(loaded, context, options.json);
    return EXIT.configInvalid;
  }
  const { testChannels } = await import("../app/notify-test.ts");
  const tests = await testChannels(loaded.config, options, new AbortController().signal);
  const rows = tests.map(({ channel, type, target, result }) => {
    const answer = result.kind === "sent" ? result.answer : result.reason;
    return { channel, type, target, ok: result.kind === "sent", answer };
  });
  if (options.json) printJson(stdout, rows);
  else {
    const paint = painter(stdout, env);
    const lines = rows.map(({ channel, type, target, ok, answer }) => [
      channel,
      type,
      target,
      ok ? "taken" : "NOT TAKEN",
      answer,
    ]);
    printLine(stdout, table(lines));
    const failed = rows.filter(({ ok }) => !ok).length;
    printLine(
      stdout,
      failed === 0
        ? paint("green", "\nAll were taken.")
        : paint("red", `\n${failed} of ${rows.length} were not taken.`),
    );
  }
  return rows.every(({ ok }) => ok) ? EXIT.ok : EXIT.failed;
}
