import { expect, test } from "vitest";
import { forkOptions } from "./fork-options.ts";

test("workers have their supervisor's options for Node, its debugger aside", () => {
  const args = ["--enable-source-maps", "--inspect", "--inspect-brk=9229", "--inspect-port", "9230", "--inspect-wait"];
  expect(forkOptions({}, [...args, "--debug-port=1", "--max-old-space-size=512"]).execArgv).toEqual([
    "--enable-source-maps",
    "--max-old-space-size=512",
    "--inspect-port=0",
  ]);
});

test("the environment's options for Node lose the debugger as well", () => {
  const env = {
    HOME: "/home/x",
    NODE_OPTIONS: "--import ./x.mjs --inspect=0.0.0.0:9229 --inspect-port 9230 --trace-gc",
  };
  expect(forkOptions(env, []).env).toEqual({ HOME: "/home/x", NODE_OPTIONS: "--import ./x.mjs --trace-gc" });
  expect(forkOptions({ HOME: "/home/x" }, []).env).toEqual({ HOME: "/home/x" });
});
