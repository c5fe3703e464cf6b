// Runs before every npm script, on whatever Node the machine has, so plain JavaScript.
// Installs the dependencies (and with them the Node this repository runs on) when they
// are missing or when the lockfile has changed since they were installed.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import path from "node:path";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const stamp = path.join(root, "node_modules", ".millrace-installed");
const wanted = createHash("sha256")
  .update(readFileSync(path.join(root, "package-lock.json")))
  .update(`${process.platform}-${process.arch}`)
  .digest("hex");

function installed() {
  try {
    return readFileSync(stamp, "utf8");
  } catch {
    return undefined;
  }
}

if (installed() !== wanted) {
  console.error("Installing dependencies, once (about a minute on a fresh clone) …");
  const started = Date.now();
  const npm = process.env.npm_execpath;
  // Not `npm ci`: it refuses a lockfile that lacks a platform's build of a tool, which a
  // registry mirror may not have. Versions are those of the lockfile all the same.
  const args = [
    "install",
    "--no-save",
    "--no-audit",
    "--no-fund",
    "--include=dev",
    "--include=optional",
    "--loglevel=error",
  ];
  const run = npm
    ? spawnSync(process.execPath, [npm, ...args], { cwd: root, stdio: ["ignore", 2, 2] })
    : spawnSync("npm", args, { cwd: root, stdio: ["ignore", 2, 2], shell: process.platform === "win32" });
  if (run.status !== 0) {
    console.error("The dependencies could not be installed; npm says why above. Try `npm install`.");
    process.exit(run.status ?? 1);
  }
  writeFileSync(stamp, wanted);
  console.error(`Dependencies installed in ${((Date.now() - started) / 1000).toFixed(0)} s.`);
}
