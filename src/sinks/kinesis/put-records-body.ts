import assert from "node:assert/strict";
import type { BufferPool } from "./buffer-pool.ts";

/** A body and the buffer it is in, to be given back once nobody reads the body any more. */
export interface PooledBody {
  readonly bytes: Buffer;
  readonly buffer: Buffer;
}

/** `{"PartitionKey":,"Data":""},` */
const GLUE_BYTES = 32;

/** JSON writes a UTF-16 unit in at most 6 bytes, as `\u001f`. */
const BYTES_PER_KEY_UNIT = 6;

/** What JSON does not write as it is, or not in ASCII. */
const SPECIAL = /[^ -~]|["\\]/;

/**
 * The JSON body of a PutRecords call, written once into a buffer out of the pool with two
 * writes a record. Nearly all of it is base64; `npm run bench:micro` measures it.
 *
 * @param stream how the stream is named: `"StreamName":"events"` or `"StreamARN":"…"`
 */
export function putRecordsBody(
  stream: string,
  keys: readonly string[],
  datas: readonly Buffer[],
  pool: BufferPool,
): PooledBody {
  assert.equal(keys.length, datas.length, "every record has a key");
  const start = `{${stream},"Records":[`;
  let room = start.length + 2;
  for (const key of keys) room += key.length * BYTES_PER_KEY_UNIT + GLUE_BYTES;
  for (const data of datas) room += Math.ceil(data.length / 3) * 4;

  const buffer = pool.take(room);
  let at = buffer.write(start, 0, "latin1");
  let index = 0;
  for (const data of datas) {
    const key = keys[index] ?? "";
    const between = index++ === 0 ? "" : `"},`;
    if (SPECIAL.test(key)) at += buffer.write(`${between}{"PartitionKey":${JSON.stringify(key)},"Data":"`, at, "utf8");
    else at += buffer.write(`${between}{"PartitionKey":"${key}","Data":"`, at, "latin1");
    at += buffer.write(data.toString("base64"), at, "latin1");
  }
  at += buffer.write(index === 0 ? "]}" : `"}]}`, at, "latin1");
  return { bytes: buffer.subarray(0, at), buffer };
}
