/** A worker that does what a test tells it, when it starts and by questions. */
import { pbkdf2 } from "node:crypto";
import { MillraceError } from "../core/errors.ts";
import { ParentLink } from "./parent-link.ts";

/** What a worker of a test is told when it starts. */
export interface Orders {
  /** `never_ready`: it hears, but is never at work. */
  readonly atStart: "serve" | "fail" | "throw" | "never_ready" | "exit_0" | "finish";
  readonly startMs?: number;
  /** What it says of its progress when it is ready. */
  readonly progress?: string;
  /** `ignore`: it goes on. `throw`: it dies of it. */
  readonly onDrain?: "end" | "ignore" | "throw";
  /** For the tests of replacements: comes back in the report. */
  readonly note?: string;
}

export type Deed =
  | { readonly do: "echo"; readonly text: string }
  | { readonly do: "ask"; readonly question: unknown }
  | { readonly do: "progress"; readonly to: string }
  | {
      readonly do: "refuse" | "never" | "spin" | "throw" | "abort" | "exit_0" | "exit_in_order" | "linger" | "function";
    };

const { link, start } = await ParentLink.connect();
const orders = start as Orders;
let progress = orders.progress ?? "0";
link.progress = () => ({ place: Number(progress) });
link.onStop((why) => {
  if (why === "orphaned") {
    process.stdout.write("orphaned\n");
    return;
  }
  if (orders.onDrain === "ignore") return;
  if (orders.onDrain === "throw") throw new Error("thrown while draining");
  void link.end("drained");
});

await new Promise((resolve) => setTimeout(resolve, orders.startMs ?? 0));
switch (orders.atStart) {
  case "serve":
  case "finish":
    link.onQuestion((question) => perform(question as Deed));
    link.ready({ pid: process.pid, note: orders.note });
    if (orders.atStart === "finish") await link.end("empty");
    break;
  case "fail":
    await link.failed(new MillraceError("port_unavailable", "the port is taken"));
    process.exitCode = 1;
    break;
  case "throw":
    throw new Error("thrown at the start");
  case "exit_0":
    process.exit(0);
  case "never_ready":
    break;
}

async function perform(deed: Deed): Promise<unknown> {
  switch (deed.do) {
    case "echo":
      return deed.text;
    case "ask":
      return link.ask(deed.question, 5_000);
    case "progress":
      progress = deed.to;
      return undefined;
    case "refuse":
      throw new Error("not that");
    case "function":
      return () => "cannot be sent";
    case "never":
      return new Promise(() => {});
    case "spin":
      // In threads too, so that it gets its half of a processor also where much else runs.
      for (let thread = 0; thread < 12; thread++) pbkdf2("", "", 2 ** 31 - 1, 64, "sha512", () => {});
      for (;;);
    case "throw":
      setImmediate(() => {
        throw new Error("thrown by order");
      });
      return undefined;
    case "abort":
      process.abort();
    case "exit_0":
      process.exit(0);
    case "exit_in_order":
      await link.end("of my own");
      return undefined;
    case "linger":
      setInterval(() => {}, 1_000);
      await link.end("lingering");
      return undefined;
  }
}
