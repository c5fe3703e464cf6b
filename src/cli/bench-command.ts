import { Command, Option } from "commander";
import type { CliContext, Run } from "./cli-context.ts";
import { numberFrom, wholeFrom } from "./number-argument.ts";
import { jsonOption } from "./options.ts";

const ACK_LEVELS = ["received", "accepted", "durable", "delivered"];

export function benchCommand(context: CliContext, run: Run): Command {
  return new Command("bench")
    .description("send events to a collector of yours at a rate, and tell how fast it answers")
    .requiredOption("--url <url>", "where events go, such as https://events.example; /v1/events unless it has a path")
    .requiredOption("--key <key>", "the write key; what is sent is stored and delivered like any event of its source")
    .addOption(
      new Option("--rate <n>", "events a second").argParser(numberFrom(0.1, 1_000_000)).default(100).conflicts("max"),
    )
    .option("--max", "as fast as it answers, instead of at a rate")
    .option("--seconds <n>", "how long", numberFrom(0.1, 3_600), 10)
    .option("--events-per-request <n>", "events in each request", wholeFrom(1, 10_000), 1)
    .option("--connections <n>", "keep-alive connections", wholeFrom(1, 10_000), 16)
    .option("--event <file>", "send this event, a JSON object, each time with an id of its own")
    .addOption(new Option("--ack <level>", "ask for this level; otherwise the source's default").choices(ACK_LEVELS))
    .option("--admin <url>", "the collector's admin port: tells its CPU an event, from its own metrics")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
One request is sent first; what is wrong with the URL or the key is said before any load. With a
rate each request has its time beforehand, and its latency counts from then, so that a pause of
the collector shows in every request that it held up. Ids are bench-RUN-NUMBER, the type is
millrace.bench unless --event says otherwise. Ctrl-C ends the run early, with its report.

Exit codes: 0 if every request was answered 2xx, 1 if one was not or none got through, 2 if the
command line makes no sense.

Examples:
  millrace bench --url http://127.0.0.1:8080 --key wk_sample
  millrace bench --url https://events.example --key "$KEY" --rate 2000 --seconds 60 --json
  millrace bench --url http://10.0.0.7:8080 --key "$KEY" --max --events-per-request 20 \\
    --admin http://10.0.0.7:9090`,
    )
    .action((options: BenchOptions) =>
      run(async () => {
        const { runBench } = await import("./run-bench.ts");
        return runBench(options, context);
      }),
    );
}

export interface BenchOptions {
  readonly url: string;
  readonly key: string;
  readonly rate: number;
  readonly max?: true;
  readonly seconds: number;
  readonly eventsPerRequest: number;
  readonly connections: number;
  readonly event?: string;
  readonly ack?: string;
  readonly admin?: string;
  readonly json?: true;
}
