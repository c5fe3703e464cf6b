import { hash } from "node:crypto";

const MAGIC = Buffer.from([0xf3, 0x89, 0x9a, 0xc2]);
const MD5_BYTES = 16;

/** An event out of a record, with the partition key it carries there. */
export interface DecodedEvent {
  readonly partitionKey: string;
  readonly data: Buffer;
}

/** Whether data begins as an aggregate of the Kinesis Producer Library does. No JSON text and no compressed data do. */
export function isAggregate(data: Buffer): boolean {
  return data.subarray(0, MAGIC.length).equals(MAGIC);
}

/** Takes an aggregate of the Kinesis Producer Library apart, after checking its MD5. */
export function decodeAggregate(data: Buffer): DecodedEvent[] {
  const message = data.subarray(MAGIC.length, -MD5_BYTES);
  if (!isAggregate(data)) throw new Error("not a KPL aggregate: the magic number is missing");
  if (hash("md5", message) !== data.subarray(-MD5_BYTES).toString("hex"))
    throw new Error("the aggregate's MD5 is wrong");

  const keys: string[] = [];
  const records: Buffer[] = [];
  for (const field of readFields(message)) {
    if (field.number === 1) keys.push(field.bytes.toString());
    if (field.number === 3) records.push(field.bytes);
  }
  return records.map((record) => {
    const fields = readFields(record);
    const key = keys[fields.find((field) => field.number === 1)?.value ?? -1];
    const payload = fields.find((field) => field.number === 3);
    if (key === undefined || payload === undefined) throw new Error("an aggregated record lacks its key or its data");
    return { partitionKey: key, data: payload.bytes };
  });
}

interface Field {
  readonly number: number;
  /** Of a varint field; 0 for others. */
  readonly value: number;
  /** Of a length-delimited field; empty for others. */
  readonly bytes: Buffer;
}

/** The fields of a protobuf message that has varint and length-delimited fields only. */
function readFields(message: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const readVarint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++];
      if (byte === undefined) throw new Error("the protobuf message is cut short");
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = readVarint();
    const value = readVarint();
    const number = tag >>> 3;
    if (tag % 8 === 0) {
      fields.push({ number, value, bytes: Buffer.alloc(0) });
    } else if (tag % 8 === 2) {
      const bytes = message.subarray(at, at + value);
      if (bytes.length < value) throw new Error("the protobuf message is cut short");
      fields.push({ number, value: 0, bytes });
      at += value;
    } else {
      throw new Error(`unexpected protobuf wire type ${tag % 8}`);
    }
  }
  return fields;
}
