/** Limits of PutRecords (https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html). */
const MAX_RECORDS = 500;
const MAX_CALL_BYTES = 10 * 1024 * 1024;
const MAX_KEY_CHARACTERS = 256;
const MAX_HASH_KEY = 2n ** 128n - 1n;

export interface RecordToPut {
  readonly partitionKey: string;
  readonly explicitHashKey: string | undefined;
  readonly data: Buffer;
  /** Data and partition key, as the limits count them. */
  readonly bytes: number;
}

/** An error as the service words it. */
interface ServiceRefusal {
  readonly kind: "refusal";
  readonly code: string;
  readonly message: string;
}

export type PutRecordsRequest = { readonly kind: "records"; readonly records: readonly RecordToPut[] } | ServiceRefusal;

/** Reads the `Records` of a PutRecords call and enforces what the service enforces. */
export function readPutRecords(input: unknown, maxRecordBytes: number): PutRecordsRequest {
  if (!Array.isArray(input)) return invalid("Value null at 'records'", "Member must not be null");
  if (input.length === 0)
    return invalid("Value '[]' at 'records'", "Member must have length greater than or equal to 1");
  if (input.length > MAX_RECORDS) {
    return invalid("Value at 'records'", `Member must have length less than or equal to ${MAX_RECORDS}`);
  }
  const records: RecordToPut[] = [];
  let callBytes = 0;
  for (const entry of input) {
    const record = readRecord(entry, `records.${records.length + 1}.member`, maxRecordBytes);
    if ("kind" in record) return record;
    callBytes += record.bytes;
    records.push(record);
  }
  if (callBytes > MAX_CALL_BYTES) {
    return refusal("InvalidArgumentException", `Records size exceeds ${MAX_CALL_BYTES} bytes limit`);
  }
  return { kind: "records", records };
}

function readRecord(entry: unknown, at: string, maxRecordBytes: number): RecordToPut | ServiceRefusal {
  if (typeof entry !== "object" || entry === null) return refusal("SerializationException", "");
  const field = (name: string): unknown => Reflect.get(entry, name) ?? undefined;
  const partitionKey = field("PartitionKey");
  const encoded = field("Data");
  const explicitHashKey = field("ExplicitHashKey");
  if (partitionKey === undefined) return invalid(`Value null at '${at}.partitionKey'`, "Member must not be null");
  if (encoded === undefined) return invalid(`Value null at '${at}.data'`, "Member must not be null");
  if (typeof partitionKey !== "string" || typeof encoded !== "string" || !isBase64(encoded)) {
    return refusal("SerializationException", "");
  }
  const keyLength = Array.from(partitionKey).length;
  if (keyLength < 1 || keyLength > MAX_KEY_CHARACTERS) {
    return invalid(
      `Value '${partitionKey}' at '${at}.partitionKey'`,
      keyLength < 1
        ? "Member must have length greater than or equal to 1"
        : `Member must have length less than or equal to ${MAX_KEY_CHARACTERS}`,
    );
  }
  if (explicitHashKey !== undefined && !isHashKey(explicitHashKey)) {
    return refusal("InvalidArgumentException", "Invalid ExplicitHashKey. It must be in the range: [0, 2^128-1].");
  }
  const data = Buffer.from(encoded, "base64");
  const bytes = data.length + Buffer.byteLength(partitionKey);
  if (bytes > maxRecordBytes) {
    return invalid(`Value at '${at}.data'`, `Member must have length less than or equal to ${maxRecordBytes}`);
  }
  return { partitionKey, explicitHashKey, data, bytes };
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
}

function isHashKey(value: unknown): value is string {
  return typeof value === "string" && /^(0|[1-9]\d{0,38})$/.test(value) && BigInt(value) <= MAX_HASH_KEY;
}

function invalid(what: string, constraint: string): ServiceRefusal {
  const message = `1 validation error detected: ${what} failed to satisfy constraint: ${constraint}`;
  return refusal("ValidationException", message);
}

function refusal(code: string, message: string): ServiceRefusal {
  return { kind: "refusal", code, message };
}
