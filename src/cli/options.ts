import { Option } from "commander";
import type { LogLevel } from "../telemetry/log.ts";

export function configOption(): Option {
  return new Option(
    "-c, --config <file>",
    "configuration file; otherwise ./millrace.yaml, ./millrace.yml or ./millrace.json, else the built-in one",
  );
}

export function jsonOption(what = "print JSON"): Option {
  return new Option("--json", what);
}

export function logLevelOption(fallback: string): Option {
  const levels: LogLevel[] = ["trace", "debug", "info", "warn", "error"];
  return new Option("--log-level <level>", `least severe line to log; otherwise ${fallback}`).choices(levels);
}
