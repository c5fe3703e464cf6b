import { isUtf8 } from "node:buffer";
import type { ValidationProblem } from "../../../core/validation.ts";
import type { EventLimits } from "../incoming-event.ts";
import type { Field, FieldKind, Shape } from "./otlp-shapes.ts";
import { FIXED32, FIXED64, LENGTH_DELIMITED, VARINT, WireFault, WireReader } from "./protobuf-wire.ts";

/** A message that is not printed: it breaks a limit, or is not what it should be. */
class Refused extends Error {
  readonly problem: ValidationProblem;

  constructor(problem: ValidationProblem) {
    super(problem.message);
    this.problem = problem;
  }
}

/** What a field must be on the wire. Scalars of a repeated field may also be packed into one. */
const WIRE_TYPES: Readonly<Record<FieldKind, number>> = {
  string: LENGTH_DELIMITED,
  bytes: LENGTH_DELIMITED,
  hex: LENGTH_DELIMITED,
  bool: VARINT,
  double: FIXED64,
  fixed32: FIXED32,
  fixed64: FIXED64,
  sfixed64: FIXED64,
  int64: VARINT,
  uint64: VARINT,
  int32: VARINT,
  uint32: VARINT,
  sint32: VARINT,
};

/**
 * Prints a protobuf message as the JSON of OTLP, straight from its bytes: enums as integers, integers
 * of 64 bits as strings, ids in hexadecimal, other bytes in base64, what is not finite as a string.
 * Fields that the shape does not know are left out, as OTLP tells receivers to do.
 *
 * Size is looked at before anything is read, depth and the number of fields while it is: a message
 * of a few bytes a field must not become objects without end.
 */
export function protobufToJson(
  bytes: Buffer,
  start: number,
  end: number,
  shape: Shape,
  limits: EventLimits,
): string | ValidationProblem {
  if (end - start > limits.maxEventBytes) {
    const expected = `at most ${limits.maxEventBytes} bytes`;
    const message = `The record is too large: ${end - start} bytes of protobuf, where ${expected} are allowed.`;
    return { code: "event_too_large", pointer: "", message, expected, found: `${end - start} bytes` };
  }
  try {
    return new Printer(bytes, limits).message(shape, start, end, 1);
  } catch (error) {
    if (error instanceof Refused) return error.problem;
    if (!(error instanceof WireFault)) throw error;
    return { code: "invalid_otlp", pointer: "", message: `The record is not protobuf: ${error.message}.` };
  }
}

class Printer {
  readonly #bytes: Buffer;
  readonly #limits: EventLimits;
  #keys = 0;

  constructor(bytes: Buffer, limits: EventLimits) {
    this.#bytes = bytes;
    this.#limits = limits;
  }

  message(shape: Shape, start: number, end: number, depth: number): string {
    if (depth > this.#limits.maxJsonDepth) throw tooDeep(this.#limits);
    // By field number. Of a field that is repeated although it may not be, the last one counts.
    const values: string[] = [];
    const reader = new WireReader(this.#bytes, start, end);
    while (reader.nextField()) {
      const { field: number } = reader;
      const field = shape[number];
      const value = field && this.#value(field, reader, depth);
      if (field === undefined || value === undefined) reader.skip();
      else if (!field.repeated) values[number] = value;
      else if (value !== "") values[number] = values[number] === undefined ? value : `${values[number]},${value}`;
    }
    let json = "";
    for (const [number, field] of shape.entries()) {
      const value = values[number];
      if (field === undefined || value === undefined) continue;
      json += `${json === "" ? "" : ","}"${field.name}":${field.repeated ? `[${value}]` : value}`;
    }
    return `{${json}}`;
  }

  /** `undefined`, with nothing read, when the field is not what it should be on the wire. */
  #value(field: Field, reader: WireReader, depth: number): string | undefined {
    this.#count();
    const { type } = field;
    if (typeof type === "function") {
      if (reader.wireType !== LENGTH_DELIMITED) return undefined;
      const end = reader.lengthEnd();
      const start = reader.take(end - reader.at);
      return this.message(type(), start, end, depth + (field.repeated ? 2 : 1));
    }
    if (reader.wireType === WIRE_TYPES[type]) return scalar(type, reader);
    return field.repeated && reader.wireType === LENGTH_DELIMITED ? this.#packed(type, reader) : undefined;
  }

  #packed(kind: FieldKind, reader: WireReader): string {
    const end = reader.lengthEnd();
    const packed = new WireReader(this.#bytes, reader.at, end);
    const values: string[] = [];
    while (packed.at < end) {
      this.#count();
      values.push(scalar(kind, packed));
    }
    reader.at = end;
    return values.join(",");
  }

  #count(): void {
    if (++this.#keys <= this.#limits.maxJsonKeys) return;
    const expected = `at most ${this.#limits.maxJsonKeys}`;
    const message = `The record has too many fields, where ${expected} are allowed.`;
    throw new Refused({ code: "too_many_keys", pointer: "", message, expected });
  }
}

function scalar(kind: FieldKind, reader: WireReader): string {
  const { bytes } = reader;
  switch (kind) {
    case "string": {
      const end = reader.lengthEnd();
      return JSON.stringify(text(bytes, reader.take(end - reader.at), end));
    }
    case "bytes":
    case "hex": {
      const end = reader.lengthEnd();
      return `"${bytes.toString(kind === "hex" ? "hex" : "base64", reader.take(end - reader.at), end)}"`;
    }
    case "bool":
      return reader.bigint() === 0n ? "false" : "true";
    case "double": {
      const value = bytes.readDoubleLE(reader.take(8));
      return Number.isFinite(value) ? JSON.stringify(value) : `"${value}"`;
    }
    case "fixed32":
      return String(bytes.readUInt32LE(reader.take(4)));
    case "fixed64":
      return `"${bytes.readBigUInt64LE(reader.take(8))}"`;
    case "sfixed64":
      return `"${bytes.readBigInt64LE(reader.take(8))}"`;
    case "int64":
      return `"${BigInt.asIntN(64, reader.bigint())}"`;
    case "uint64":
      return `"${reader.bigint()}"`;
    case "int32":
      return String(BigInt.asIntN(32, reader.bigint()));
    case "uint32":
      return String(BigInt.asUintN(32, reader.bigint()));
    case "sint32": {
      const zigzag = Number(BigInt.asUintN(32, reader.bigint()));
      return String((zigzag >>> 1) ^ -(zigzag & 1));
    }
  }
}

function text(bytes: Buffer, start: number, end: number): string {
  const decoded = bytes.toString("utf8", start, end);
  // What cannot be decoded is replaced; the character may also have been sent.
  if (decoded.includes("\ufffd") && !isUtf8(bytes.subarray(start, end))) {
    const message = "The record holds a string that is not UTF-8. Send such data as bytes.";
    throw new Refused({ code: "invalid_utf8", pointer: "", message });
  }
  return decoded;
}

function tooDeep({ maxJsonDepth }: EventLimits): Refused {
  const expected = `at most ${maxJsonDepth} levels of its JSON`;
  const message = `The record is nested too deep, where ${expected} are allowed.`;
  return new Refused({ code: "too_deep", pointer: "", message, expected });
}
