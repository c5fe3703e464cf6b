export { decodeEvents } from "./decode/decode-events.ts";
export { decodeRecord, type RecordFormat } from "./decode/decode-record.ts";
export type { DecodedEvent } from "./decode/kpl-aggregate.ts";
