import { once } from "node:events";
import type { Rows } from "../query/open-archive.ts";
import type { PlainValue } from "../query/plain-value.ts";
import type { CliContext } from "./cli-context.ts";
import { painter } from "./paint.ts";
import { table } from "./table.ts";

export type QueryFormat = "table" | "json" | "csv";

export interface RowsOptions {
  readonly format: QueryFormat;
  /** 0: all. */
  readonly limit: number;
  readonly context: CliContext;
  /** Called before anything is printed. */
  readonly onFirst: () => void;
}

/** Longest cell of a table, in characters. */
const CELL_LENGTH = 100;

/** Prints the rows as they come. Tells whether there were more than the limit. */
export async function printRows(rows: Rows, options: RowsOptions): Promise<{ more: boolean }> {
  const { format, limit, context, onFirst } = options;
  const lines: Lines =
    format === "table" ? tableLines(rows, context) : format === "json" ? jsonLines(rows) : csvLines(rows);
  let printed = 0;
  let more = false;
  for await (const part of rows.parts) {
    if (printed === 0) {
      onFirst();
      await print(context, lines.start());
    }
    const room = limit === 0 ? part.length : limit - printed;
    await print(
      context,
      part
        .slice(0, room)
        .map((row, index) => lines.row(row, printed + index))
        .join(""),
    );
    printed += Math.min(room, part.length);
    more = room < part.length;
    if (more) break;
  }
  onFirst();
  if (printed === 0 && !more) await print(context, lines.start());
  await print(context, lines.end(printed));
  return { more };
}

interface Lines {
  start(): string;
  row(row: readonly PlainValue[], index: number): string;
  end(rows: number): string;
}

function tableLines({ columns }: Rows, { stdout, env }: CliContext): Lines {
  const paint = painter(stdout, env);
  const cells: string[][] = [];
  return {
    start: () => "",
    row(row) {
      cells.push(row.map(cell));
      return "";
    },
    end(rows) {
      const count = paint("dim", rows === 1 ? "1 row" : `${rows} rows`);
      const [header = "", ...lines] = table([columns.map(cell), ...cells], "").split("\n");
      return `${[paint("bold", header), ...lines].join("\n")}\n${count}\n`;
    },
  };
}

/** A value on one line; nothing in it may steer the terminal. */
function cell(value: PlainValue): string {
  const text = value === null ? "NULL" : typeof value === "object" ? JSON.stringify(value) : String(value);
  // eslint-disable-next-line no-control-regex
  const safe = text.replaceAll(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
  return safe.length > CELL_LENGTH ? `${safe.slice(0, CELL_LENGTH - 1)}…` : safe;
}

function jsonLines({ columns, isJson }: Rows): Lines {
  const keys = columns.map((column) => JSON.stringify(column));
  return {
    start: () => "[",
    row(row, index) {
      // What is JSON already is printed as it is, with all digits of its numbers.
      const members = row.map(
        (value, at) =>
          `${keys[at]}:${isJson[at] === true && typeof value === "string" ? value : JSON.stringify(value)}`,
      );
      return `${index === 0 ? "\n" : ",\n"}{${members.join(",")}}`;
    },
    end: (rows) => (rows === 0 ? "]\n" : "\n]\n"),
  };
}

function csvLines({ columns }: Rows): Lines {
  return {
    start: () => csvLine(columns),
    row: (row) => csvLine(row),
    end: () => "",
  };
}

/** RFC 4180, but for the line end, which is that of the system's other tools. NULL is empty, and empty text is quoted. */
function csvLine(row: readonly PlainValue[]): string {
  return `${row.map(csvField).join(",")}\n`;
}

function csvField(value: PlainValue): string {
  if (value === null) return "";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return text === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

async function print({ stdout }: CliContext, text: string): Promise<void> {
  if (text === "") return;
  if (!stdout.write(text) && stdout.writableNeedDrain) await once(stdout, "drain");
}
