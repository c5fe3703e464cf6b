import type { CollectedEvent } from "../../core/event.ts";
import type { Batch } from "../../core/sink.ts";
import { membersOf, type Range, valueAt } from "./json-ranges.ts";

/** So many bytes of events are encoded in one turn of the event loop: a few milliseconds' worth. */
const SLICE_BYTES = 512 * 1024;

/** JSON text of the column's value, or nothing where the column's default is to be used. */
type Column = (event: CollectedEvent, members: ReadonlyMap<string, Range>) => string | undefined;

/** Makes the rows of an insert, a JSON object each (`JSONEachRow`). */
export class RowEncoder {
  readonly #columns: readonly { readonly key: string; readonly valueOf: Column }[];

  /** @param columns what goes into which column */
  constructor(columns: Readonly<Record<string, string>>) {
    this.#columns = Object.entries(columns).map(([name, source]) => ({
      key: `${JSON.stringify(name)}:`,
      valueOf: columnOf(source),
    }));
  }

  /** The rows, made slice by slice so that others are served between. */
  async encode(events: Batch): Promise<Buffer> {
    const slices: Buffer[] = [];
    let rows = "";
    let bytes = 0;
    for (const event of events) {
      rows += this.#row(event);
      bytes += event.bytes.length;
      if (bytes < SLICE_BYTES) continue;
      slices.push(Buffer.from(rows));
      rows = "";
      bytes = 0;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    slices.push(Buffer.from(rows));
    return Buffer.concat(slices);
  }

  #row(event: CollectedEvent): string {
    const members = membersOf(event.bytes, { start: 0, end: event.bytes.length }) ?? NO_MEMBERS;
    let row = "";
    for (const { key, valueOf } of this.#columns) {
      const value = valueOf(event, members);
      if (value !== undefined) row += `${row === "" ? "{" : ","}${key}${value}`;
    }
    return row === "" ? "{}\n" : `${row}}\n`;
  }
}

const NO_MEMBERS: ReadonlyMap<string, Range> = new Map();

function columnOf(source: string): Column {
  if (source.startsWith("/")) {
    const steps = source.slice(1).split("/").map(unescaped);
    return ({ bytes }) => textOf(bytes, valueAt(bytes, { start: 0, end: bytes.length }, steps));
  }
  switch (source) {
    case "id":
      return ({ id }) => JSON.stringify(id);
    case "type":
      return ({ type }) => JSON.stringify(type);
    case "event":
      return ({ bytes }) => JSON.stringify(bytes.toString());
    case "data":
      return ({ bytes }, members) => {
        const text = textOf(bytes, members.get("data"));
        return text === undefined ? undefined : JSON.stringify(text);
      };
    case "source":
      return (event, members) => textOf(event.bytes, members.get("source")) ?? JSON.stringify(event.source);
    case "time":
    case "receivedtime":
      return ({ bytes, receivedMs }, members) =>
        textOf(bytes, members.get(source)) ?? `"${new Date(receivedMs).toISOString()}"`;
    default:
      return ({ bytes }, members) => textOf(bytes, members.get(source));
  }
}

/** What the sender wrote; nothing for null, which most columns cannot hold. */
function textOf(json: Buffer, range: Range | undefined): string | undefined {
  if (range === undefined) return undefined;
  const text = json.toString("utf8", range.start, range.end);
  return text === "null" ? undefined : text;
}

function unescaped(step: string): string {
  return step.replaceAll("~1", "/").replaceAll("~0", "~");
}
