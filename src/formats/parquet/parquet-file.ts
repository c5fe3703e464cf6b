import { gzipSync, zstdCompressSync } from "node:zlib";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { GZIP_OPTIONS, ZSTD_OPTIONS } from "../compression.ts";
import type { ParquetCompression, TypedColumn } from "./config.ts";
import { TEXT_ATTRIBUTES, TIME_ATTRIBUTES } from "./event-columns.ts";
import { EventSplitter } from "./event-splitter.ts";
import { TypedReader } from "./typed-value.ts";

type Schema = ConstructorParameters<typeof ParquetWriter>[0]["schema"];
type SchemaElement = Schema[number];
type ColumnSource = Parameters<ParquetWriter["write"]>[0]["columnData"][number];
type ColumnSettings = Omit<ColumnSource, "name" | "data">;

interface Column {
  readonly element: SchemaElement;
  readonly settings: ColumnSettings;
  values: unknown[];
}

export interface ParquetOptions {
  readonly compression: ParquetCompression;
  readonly columns: readonly TypedColumn[];
}

/** A row group is what an engine skips or reads as a whole, and what is in memory as columns at a time. */
const GROUP_EVENTS = 50_000;
const GROUP_BYTES = 32 * 1024 * 1024;

const CODECS = { none: "UNCOMPRESSED", snappy: "SNAPPY", gzip: "GZIP", zstd: "ZSTD" } as const;

const COMPRESSORS = {
  GZIP: (bytes: Uint8Array) => gzipSync(bytes, GZIP_OPTIONS),
  ZSTD: (bytes: Uint8Array) => zstdCompressSync(bytes, ZSTD_OPTIONS),
};

const TEXT = { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } } as const;
const JSON_TEXT = { type: "BYTE_ARRAY", converted_type: "JSON", logical_type: { type: "JSON" } } as const;
const TIME = {
  type: "INT64",
  converted_type: "TIMESTAMP_MICROS",
  logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MICROS" },
} as const;

const TYPED = {
  string: TEXT,
  timestamp: TIME,
  int64: { type: "INT64" },
  double: { type: "DOUBLE" },
  boolean: { type: "BOOLEAN" },
} as const;

/** Values that differ from event to event: looking for repetitions would cost time and find none. */
const DISTINCT: ColumnSettings = { encoding: "PLAIN" };
/** Nobody prunes by the least JSON. */
const WITHOUT_STATISTICS: ColumnSettings = { encoding: "PLAIN", statistics: false };

/** One Parquet file in memory. Events are added in order; each is in the file once `finish` has returned it. */
export class ParquetFile {
  readonly #output = new ByteWriter();
  readonly #writer: ParquetWriter;
  readonly #splitter = new EventSplitter();
  readonly #position = column("position", { type: "INT64" }, { encoding: "DELTA_BINARY_PACKED" }, "REQUIRED");
  readonly #texts = TEXT_ATTRIBUTES.map((name) =>
    column(name, TEXT, name === "id" || name === "collector" ? DISTINCT : {}),
  );
  readonly #times = TIME_ATTRIBUTES.map((name) => column(name, TIME));
  readonly #data = column("data", JSON_TEXT, WITHOUT_STATISTICS);
  readonly #extensions = column("extensions", JSON_TEXT, { statistics: false });
  readonly #envelope = column("envelope", TEXT, { statistics: false });
  readonly #raw = column("raw", { type: "BYTE_ARRAY" }, WITHOUT_STATISTICS);
  readonly #typed: { readonly reader: TypedReader; readonly column: Column }[];
  readonly #columns: readonly Column[];
  #groupBytes = 0;

  constructor({ compression, columns }: ParquetOptions) {
    this.#typed = columns.map((typed) => ({
      reader: new TypedReader(typed),
      column: column(typed.name, TYPED[typed.type]),
    }));
    const [id, type, source, subject, ...others] = this.#texts;
    this.#columns = [
      this.#position,
      ...[id, type, source, subject].filter((some) => some !== undefined),
      ...this.#times,
      ...others,
      this.#data,
      ...this.#typed.map((typed) => typed.column),
      this.#extensions,
      this.#envelope,
      this.#raw,
    ];
    this.#writer = new ParquetWriter({
      writer: this.#output,
      schema: this.#schema(({ converted_type: converted, ...element }) =>
        // The writer prints what is in a column of JSON; without the type it takes the bytes as they are.
        converted === undefined || converted === "JSON" ? element : { ...element, converted_type: converted },
      ),
      codec: CODECS[compression],
      compressors: COMPRESSORS,
      createdBy: "millrace",
    });
  }

  /** @param bytes the event; they must stay as they are until the file is finished */
  add(position: number, bytes: Buffer): void {
    const event = this.#splitter.split(bytes);
    this.#position.values.push(BigInt(position));
    for (const [index, { values }] of this.#texts.entries()) values.push(event.texts[index]);
    for (const [index, { values }] of this.#times.entries()) values.push(event.times[index]);
    this.#data.values.push(event.data);
    this.#extensions.values.push(event.extensions);
    this.#envelope.values.push(event.envelope);
    this.#raw.values.push(event.raw);
    for (const { reader, column: into } of this.#typed)
      into.values.push(event.raw === undefined ? reader.read(bytes) : undefined);
    this.#groupBytes += bytes.length;
    if (this.#groupBytes >= GROUP_BYTES || this.#position.values.length >= GROUP_EVENTS) this.#writeGroup();
  }

  finish(): Uint8Array {
    this.#writeGroup();
    this.#writer.schema = this.#schema((element) => element);
    void this.#writer.finish();
    return this.#output.getBytes();
  }

  #writeGroup(): void {
    const events = this.#position.values.length;
    if (events === 0) return;
    void this.#writer.write({
      columnData: this.#columns.map(({ element, settings, values }) => ({
        name: element.name,
        data: values,
        ...settings,
      })),
      rowGroupSize: events,
    });
    for (const some of this.#columns) some.values = [];
    this.#groupBytes = 0;
  }

  #schema(change: (element: SchemaElement) => SchemaElement): Schema {
    return [
      { name: "event", num_children: this.#columns.length },
      ...this.#columns.map(({ element }) => change(element)),
    ];
  }
}

function column(
  name: string,
  type: Omit<SchemaElement, "name">,
  settings: ColumnSettings = {},
  repetition: "REQUIRED" | "OPTIONAL" = "OPTIONAL",
): Column {
  return { element: { name, ...type, repetition_type: repetition }, settings, values: [] };
}
