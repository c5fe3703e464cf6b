/** What is wrong with bytes that should be protobuf. Thrown, and caught where the reading of a message began. */
export class WireFault extends Error {}

/** Wire types (https://protobuf.dev/programming-guides/encoding/). Groups, 3 and 4, are not in proto3. */
export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH_DELIMITED = 2;
export const FIXED32 = 5;

const MAX_FIELD_NUMBER = 2 ** 29 - 1;
const MAX_VARINT_BYTES = 10;

/** Reads the parts of protobuf messages one after another, within a range of bytes. Allocates nothing for them. */
export class WireReader {
  readonly bytes: Buffer;
  readonly end: number;
  at: number;
  /** Of the field that was read last. */
  field = 0;
  wireType = 0;

  constructor(bytes: Buffer, start: number, end: number) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  /** Goes to the next field. False at the end. */
  nextField(): boolean {
    if (this.at >= this.end) return false;
    const tag = this.number();
    this.field = Math.floor(tag / 8);
    this.wireType = tag % 8;
    if (this.field === 0 || this.field > MAX_FIELD_NUMBER) throw new WireFault(`there is no field ${this.field}`);
    return true;
  }

  /** A varint as a number; exact up to 2^53, which is more than tags, lengths and 32-bit fields have. */
  number(): number {
    let value = 0;
    let factor = 1;
    for (let count = 0; count < MAX_VARINT_BYTES; count++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
    throw new WireFault("a varint has more than 10 bytes");
  }

  /** A varint of 64 bits, unsigned. */
  bigint(): bigint {
    const start = this.at;
    const value = this.number();
    if (Number.isSafeInteger(value)) return BigInt(value);
    let exact = 0n;
    for (let at = this.at - 1; at >= start; at--) exact = (exact << 7n) | BigInt((this.bytes[at] ?? 0) & 0x7f);
    return BigInt.asUintN(64, exact);
  }

  /** Where the bytes of a length-delimited field end; they begin at `at`. */
  lengthEnd(): number {
    const length = this.number();
    if (length > this.end - this.at) {
      throw new WireFault(`a field of ${length} bytes is cut short: ${this.end - this.at} are left`);
    }
    return this.at + length;
  }

  /** Goes over `bytes`, and returns where they begin. */
  take(bytes: number): number {
    const start = this.at;
    if (bytes > this.end - start) throw new WireFault("the message is cut short");
    this.at += bytes;
    return start;
  }

  skip(): void {
    if (this.wireType === VARINT) this.number();
    else if (this.wireType === FIXED64) this.take(8);
    else if (this.wireType === FIXED32) this.take(4);
    else if (this.wireType === LENGTH_DELIMITED) this.at = this.lengthEnd();
    else throw new WireFault(`field ${this.field} has the wire type ${this.wireType}, which proto3 has not`);
  }

  #byte(): number {
    const byte = this.at < this.end ? this.bytes[this.at] : undefined;
    if (byte === undefined) throw new WireFault("the message is cut short");
    this.at++;
    return byte;
  }
}
