/**
 * The attributes that are columns of text, each NULL where an event has none. `id` and `collector` differ from
 * event to event; the others repeat, and are worth a dictionary.
 */
export const TEXT_ATTRIBUTES = [
  "id",
  "type",
  "source",
  "subject",
  "clientip",
  "useragent",
  "collector",
  "datacontenttype",
  "dataschema",
] as const;

export type TextAttribute = (typeof TEXT_ATTRIBUTES)[number];

/** The attributes that are columns of time. */
export const TIME_ATTRIBUTES = ["time", "receivedtime"] as const;

export type TimeAttribute = (typeof TIME_ATTRIBUTES)[number];

/** The columns that every file has, in their order. */
export const EVENT_COLUMNS = [
  "position",
  "id",
  "type",
  "source",
  "subject",
  "time",
  "receivedtime",
  "clientip",
  "useragent",
  "collector",
  "datacontenttype",
  "dataschema",
  "data",
  "extensions",
  "envelope",
  "raw",
] as const;

/** The columns from which an event's bytes are made again. Times are microseconds since 1970. */
export interface EventRow {
  readonly text: Readonly<Partial<Record<TextAttribute, string | null | undefined>>>;
  readonly times: Readonly<Partial<Record<TimeAttribute, bigint | null | undefined>>>;
  /** JSON, as the sender wrote it. */
  readonly data?: string | null | undefined;
  /** A JSON object of the members that have no column. */
  readonly extensions?: string | null | undefined;
  readonly envelope?: string | null | undefined;
  readonly raw?: Uint8Array | null | undefined;
}
