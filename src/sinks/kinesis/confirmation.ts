const HEADS = ['{"FailedRecordCount":0,"Records":[', '{"EncryptionType":"KMS","FailedRecordCount":0,"Records":['].map(
  (text) => Buffer.from(text),
);
const ENDS = ["]}", '],"EncryptionType":"KMS"}'].map((text) => Buffer.from(text));
const SEQUENCE = Buffer.from('{"SequenceNumber":"');
const SHARD = Buffer.from('","ShardId":"shardId-');
const RECORD_END = Buffer.from('"}');
const COMMA = 0x2c;
const ZERO = 0x30;
const NINE = 0x39;

/**
 * True for a reply to PutRecords in just the words that nearly all are in: no failures, and as
 * often as there are records a sequence number and a shard. False says nothing: the reply is
 * to be parsed.
 *
 * It takes a quarter of the time of parsing (`npm run bench:micro`: 0.05 µs a record, and 0.2),
 * and leaves no objects and strings behind.
 */
export function confirmsAll(body: Uint8Array, records: number): boolean {
  const head = HEADS.find((bytes) => after(body, 0, bytes) !== undefined);
  let at: number | undefined = head?.length;
  for (let record = 0; record < records; record++) {
    if (at === undefined || (record > 0 && body[at++] !== COMMA)) return false;
    at = afterRecord(body, at);
  }
  if (at === undefined) return false;
  const end = at;
  return ENDS.some((bytes) => after(body, end, bytes) === body.length);
}

function afterRecord(body: Uint8Array, from: number): number | undefined {
  const sequence = after(body, from, SEQUENCE);
  if (sequence === undefined) return undefined;
  const sequenceEnd = afterDigits(body, sequence);
  if (sequenceEnd === sequence) return undefined;
  const shard = after(body, sequenceEnd, SHARD);
  return shard === undefined ? undefined : after(body, afterDigits(body, shard), RECORD_END);
}

/** Where the body goes on after `expected`; `undefined` when that is not what it has at `from`. */
function after(body: Uint8Array, from: number, expected: Uint8Array): number | undefined {
  for (let index = 0; index < expected.length; index++) if (body[from + index] !== expected[index]) return undefined;
  return from + expected.length;
}

function afterDigits(body: Uint8Array, from: number): number {
  let at = from;
  for (let byte = body[at]; byte !== undefined && byte >= ZERO && byte <= NINE; byte = body[at]) at++;
  return at;
}
