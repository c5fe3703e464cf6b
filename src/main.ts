#!/usr/bin/env node
// This file must load on any Node, so that an old one is told what is wrong instead of
// failing at syntax it does not know: everything else is imported after the check.
import module from "node:module";

const OLDEST_NODE = 24;

const major = Number(process.versions.node.split(".")[0]);
if (major < OLDEST_NODE) {
  process.stderr.write(
    `error: Millrace needs Node ${OLDEST_NODE} or newer; this is ${process.versions.node} (${process.execPath}).\n`,
  );
  process.exit(1);
}

// Compiled code is kept in the temporary folder, which makes the next start faster.
module.enableCompileCache();

// A reader that goes away, as in `millrace check | head`, is no failure of ours.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

const { runCli } = await import("./cli/run-cli.ts");
const { stdin, stdout, stderr, env } = process;
process.exitCode = await runCli(process.argv.slice(2), { stdin, stdout, stderr, env, cwd: process.cwd() });

/** Longest time to let go of what is still open, once the command is done. */
const LINGER_MS = 1_000;
setTimeout(() => process.exit(), LINGER_MS).unref();
