import type { Claim, ClaimStore } from "../../core/claim-store.ts";

/** A claim store in memory that answers as a test says. */
export class FakeClaims implements ClaimStore {
  readonly stored = new Map<string, Buffer>();
  /** Attempts to store, by position. */
  readonly attempts: number[] = [];
  answer: (claim: Claim, signal: AbortSignal) => Promise<void> = () => Promise.resolve();
  closed = 0;

  addressOf({ position, sha256 }: Claim): string {
    return `fake:${position}-${sha256}`;
  }

  async put(claim: Claim, signal: AbortSignal): Promise<void> {
    this.attempts.push(claim.position);
    await this.answer(claim, signal);
    this.stored.set(this.addressOf(claim), claim.bytes);
  }

  check(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }

  close(): Promise<void> {
    this.closed++;
    return Promise.resolve();
  }
}

/** An event again, from its pointer and what is stored: as a consumer puts it together. */
export function joinedWithClaim(pointer: Buffer, stored: (uri: string) => Buffer | undefined): Buffer {
  const text = pointer.toString("latin1");
  const reference = /"dataref":"([^"]*)","datasize":\d+,"datasha256":"[0-9a-f]{64}"(,"databinary":true)?/.exec(text);
  if (reference === null) return pointer;
  const [whole, uri = "", isBinary] = reference;
  const data = stored(uri);
  if (data === undefined) throw new Error(`nothing is stored at ${uri}`);
  const member =
    isBinary === undefined ? `"data":${data.toString("latin1")}` : `"data_base64":"${data.toString("base64")}"`;
  return Buffer.from(
    text.replace(whole, () => member),
    "latin1",
  );
}
