import { styleText } from "node:util";
import type { Output } from "./cli-context.ts";

type Style = "bold" | "dim" | "red" | "green" | "yellow";

/** Colours text for a terminal, and leaves it plain for anything else and where NO_COLOR is set (see no-color.org). */
export function painter(stream: Output, env: NodeJS.ProcessEnv): (style: Style, text: string) => string {
  const colours = hasColours(stream, env);
  return (style, text) => (colours ? styleText(style, text, { validateStream: false }) : text);
}

export function hasColours(stream: Output, env: NodeJS.ProcessEnv): boolean {
  return stream.isTTY === true && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
}
