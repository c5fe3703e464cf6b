import { DecodeError, decode, ExtData, ExtensionCodec } from "@msgpack/msgpack";
import { printTime } from "../values/read-time.ts";

/** A time in seconds and nanoseconds. Fluent Bit marks groups of records by seconds that are negative. */
export class MsgpackTime {
  readonly seconds: number;
  readonly nanos: number;

  constructor(seconds: number, nanos: number) {
    this.seconds = seconds;
    this.nanos = nanos;
  }

  /** RFC 3339; `undefined` before 1970 and after 9999. */
  get text(): string | undefined {
    if (this.seconds < 0 || this.seconds >= 253_402_300_800 || this.nanos >= 1e9) return undefined;
    return printTime(this.seconds, String(this.nanos).padStart(9, "0"));
  }
}

/** Of the forward protocol of Fluentd and Fluent Bit: seconds and nanoseconds, 32 bits each. */
const EVENT_TIME = 0;
/** Of MessagePack itself. */
const TIMESTAMP = -1;

const CODEC = new ExtensionCodec();
CODEC.register({
  type: EVENT_TIME,
  encode: () => null,
  decode: (data) => eventTime(Buffer.from(data)) ?? new ExtData(EVENT_TIME, data),
});
CODEC.register({
  type: TIMESTAMP,
  encode: () => null,
  decode: (data) => timestamp(Buffer.from(data)) ?? new ExtData(TIMESTAMP, data),
});

function eventTime(data: Buffer): MsgpackTime | undefined {
  return data.length === 8 ? new MsgpackTime(data.readInt32BE(0), data.readUInt32BE(4)) : undefined;
}

function timestamp(data: Buffer): MsgpackTime | undefined {
  switch (data.length) {
    case 4:
      return new MsgpackTime(data.readUInt32BE(0), 0);
    case 8:
      return new MsgpackTime((data.readUInt32BE(0) % 4) * 2 ** 32 + data.readUInt32BE(4), data.readUInt32BE(0) >>> 2);
    case 12:
      return new MsgpackTime(Number(data.readBigInt64BE(4)), data.readUInt32BE(0));
    default:
      return undefined;
  }
}

/**
 * A MessagePack value as its library reads it, with integers of 64 bits as `bigint` and times as
 * {@link MsgpackTime}. Of members with the same name the last counts, as in JSON.
 *
 * @param bytes one value, within the limits, as `scanMsgpack` tells
 * @throws DecodeError for names of members that are no text, and for `__proto__`
 */
export function decodeMsgpack(bytes: Buffer): unknown {
  return decode(bytes, { extensionCodec: CODEC, useBigInt64: true, mapKeyConverter: memberName });
}

function memberName(name: unknown): string {
  if (typeof name === "string") return name;
  if (typeof name === "number" || typeof name === "bigint" || typeof name === "boolean") return String(name);
  throw new DecodeError("the name of a member is no text");
}

/**
 * A decoded value as JSON. Integers have all their digits, times are in RFC 3339, binary is base64,
 * other extensions are `{"ext": type, "base64": …}`, and what is no number is null.
 */
export function jsonOf(value: unknown): string {
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(jsonOf).join(",")}]`;
  if (value instanceof Uint8Array) return JSON.stringify(base64(value));
  if (value instanceof MsgpackTime) return value.text === undefined ? "null" : JSON.stringify(value.text);
  if (value instanceof ExtData) {
    const { type, data } = value;
    return JSON.stringify({ ext: type, base64: base64(data instanceof Uint8Array ? data : new Uint8Array()) });
  }
  const members = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}:${jsonOf(member)}`);
  return `{${members.join(",")}}`;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
