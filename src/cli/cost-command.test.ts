import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { EXIT } from "./exit-codes.ts";
import { runCli } from "./run-cli.ts";

async function cost(args: readonly string[], prices?: string) {
  const cwd = await mkdtemp(path.join(tmpdir(), "millrace-cost-"));
  onTestFinished(() => rm(cwd, { recursive: true, force: true }));
  if (prices !== undefined) await writeFile(path.join(cwd, "prices.yaml"), prices);
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const exitCode = await runCli(["cost", ...args], { stdin: Readable.from([]), stdout, stderr, env: {}, cwd });
  stdout.end();
  stderr.end();
  return { exitCode, stdout: await text(stdout), stderr: await text(stderr) };
}

test.each(["100", "5e6", "12e6", "1e9"])("the bill for %s events an hour fits into 100 columns", async (rate) => {
  const { exitCode, stdout } = await cost(["--events-per-hour", rate, "--explain"]);
  expect(exitCode).toBe(EXIT.ok);
  expect(stdout.split("\n").filter((line) => line.length > 100)).toEqual([]);
});

test("--explain shows of every figure the quantities and the prices", async () => {
  const { stdout } = await cost(["--events-per-hour", "12e6", "--explain"]);
  expect(stdout).toContain("333 × $3.50 + 667 × $2.80 + 7,640 × $2.38 per million requests = $21,216.30");
  expect(stdout).toMatch(/13 shards × 720 h.*\n +9,360 × \$0\.015 per shard-hour = \$140\.40/);
});

test("--json has the load, each charge, and each price with its source", async () => {
  const { stdout } = await cost(["--json", "--events-per-hour", "5e6", "--cpu-micros-per-event", "12.5"]);
  const report = JSON.parse(stdout);
  expect(report.load).toMatchObject({ eventsPerHour: 5e6, cpuMicrosPerEvent: 12.5, eventBytes: 500 });
  expect(report.sections[0].items[0]).toMatchObject({ usd: 12_600, charges: [{ price: "apiGatewayRest" }] });
  expect(report.prices.wafRequest).toMatchObject({ secondhand: true, gathered: "2026-11-23" });
});

test("figures that make no sense are refused with their limits", async () => {
  for (const bad of ["0", "many", "1e99", ""]) {
    const { exitCode, stderr } = await cost(["--events-per-hour", bad]);
    expect(exitCode).toBe(EXIT.usage);
    expect(stderr).toContain("It must be a number from 1 to 10000000000.");
  }
});

test("prices of a file take the place of the shipped ones, and the output tells them apart", async () => {
  const prices = "region: eu-central-1\ngathered: 2026-12-01\nprices: { albHour: 0.03, nlbHour: { usd: 0.03 } }\n";
  const { stdout } = await cost(["--prices", "prices.yaml"], prices);
  expect(stdout).toContain("Prices gathered 2026-11-23, 2026-11-27, 2026-12-01; eu-central-1 and us-east-1.");
  expect(stdout).toContain("2 prices are yours");
  expect(stdout).toMatch(/ALB, 5 requests a connection +175 /);
});

test("a price file with problems is refused with the place and the path of each", async () => {
  const prices = `gathered: yesterday
prices:
  kinesisShardHours: 0.018
  albHour: free
  natHour: -1
  apiGatewayRest: { usd: [{ upTo: 333, usd: 3.7 }, { upTo: 300, usd: 3 }] }
`;
  const { exitCode, stdout, stderr } = await cost(["--prices", "prices.yaml"], prices);
  expect(exitCode).toBe(EXIT.configInvalid);
  expect(stdout).toBe("");
  expect(stderr).toContain("prices.yaml:1:11: gathered: ");
  expect(stderr).toContain("prices.yaml:3:3: prices.kinesisShardHours: unknown key; did you mean kinesisShardHour?");
  expect(stderr).toContain("prices.yaml:4:12: prices.albHour: ");
  expect(stderr).toContain("prices.yaml:5:12: prices.natHour: ");
  expect(stderr).toContain("prices.apiGatewayRest.usd: each tier but the last has an upTo, and they rise");
});

test("a price file or a collector that is not there is an error that names it", async () => {
  const noFile = await cost(["--prices", "none.yaml"]);
  expect(noFile).toMatchObject({ exitCode: EXIT.configInvalid, stderr: expect.stringContaining("none.yaml") });
  const noCollector = await cost(["--live", "http://127.0.0.1:9", "--seconds", "0.1"]);
  expect(noCollector).toMatchObject({ exitCode: EXIT.usage, stderr: expect.stringContaining("127.0.0.1:9/metrics") });
  const noUrl = await cost(["--live", "9090"]);
  expect(noUrl).toMatchObject({ exitCode: EXIT.usage, stderr: expect.stringContaining("URL of an admin port") });
});
