import type { Output } from "./cli-context.ts";

/** Columns of a terminal that does not tell. */
const COLUMNS = 80;

/** Kept free at the end, for the ^C that a terminal echoes. */
const FREE = 3;

/** Writes over the line of a terminal. It is cut to the terminal's width: of one that wraps, only the end could be taken away. */
export function showLine(terminal: Output, words: string): void {
  const width = (terminal.columns ?? COLUMNS) - FREE;
  terminal.write(`${CLEAR}${words.length > width ? `${words.slice(0, width - 1)}…` : words}`);
}

export function clearLine(terminal: Output): void {
  terminal.write(CLEAR);
}

const CLEAR = "\r\u001b[K";
