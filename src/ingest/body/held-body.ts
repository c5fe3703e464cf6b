import { formatBytes } from "../../core/config-fields.ts";
import { overloaded, type RefusedBody, refused } from "./body-result.ts";
import type { PendingBytes } from "./pending-bytes.ts";

/** The body of a request, and what the request holds of the budget for bodies: as much as it is long, or its events are. */
export class HeldBody {
  readonly body: Buffer;
  readonly #pending: PendingBytes;
  #bytes: number;

  /** @param body whose bytes are reserved already */
  constructor(body: Buffer, pending: PendingBytes) {
    this.body = body;
    this.#pending = pending;
    this.#bytes = body.length;
  }

  /** Holds `bytes` from now on, unless it holds more. Returns why it cannot. */
  growTo(bytes: number): RefusedBody | undefined {
    if (bytes <= this.#bytes) return undefined;
    if (!this.#pending.reserve(bytes - this.#bytes)) return this.#refuse(bytes);
    this.#bytes = bytes;
    return undefined;
  }

  release(): void {
    this.#pending.release(this.#bytes);
    this.#bytes = 0;
  }

  #refuse(bytes: number): RefusedBody {
    const { maxBytes } = this.#pending;
    if (bytes <= maxBytes) return overloaded();
    const detail = `The request becomes more than ${formatBytes(maxBytes)} of events, which is all that the collector has memory for; send smaller batches.`;
    return refused("body_too_large", detail);
  }
}
