/**
 * A supervisor with one worker, in a process of its own so that a test can kill or stop it.
 * Prints its workers again and again. At SIGUSR2 it uses up its file descriptors, kills its
 * worker, and gives them back a little later.
 */
import { closeSync, openSync } from "node:fs";
import { pino } from "pino";
import { systemClock } from "../core/clock.ts";
import { supervisorConfig } from "./config.ts";
import { Supervisor } from "./supervisor.ts";

const supervisor = new Supervisor({
  entry: new URL("./worker-fixture.ts", import.meta.url),
  config: supervisorConfig.parse({ hangMs: 1_000 }),
  clock: systemClock,
  log: pino({ level: "silent" }),
  random: Math.random,
  startMessage: () => ({ atStart: "serve" }),
  onQuestion: (_slot, question) => Promise.resolve(question),
});
await supervisor.run({ slot: "0", task: "serve" });
setInterval(() => process.stdout.write(`${JSON.stringify(supervisor.workers())}\n`), 20);

process.on("SIGUSR2", () => {
  const files: number[] = [];
  try {
    for (;;) files.push(openSync("/dev/null", "r"));
  } catch {
    // No more to be had.
  }
  process.kill(supervisor.workers()[0]?.pid ?? 0, "SIGKILL");
  setTimeout(() => {
    for (const file of files) closeSync(file);
  }, 400);
});
