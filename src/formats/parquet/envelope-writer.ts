const START_BYTES = 1024;

/** Writes envelopes. The same as the last one is the same string again, which costs a dictionary the least. */
export class EnvelopeWriter {
  #event: Uint8Array = new Uint8Array();
  #bytes = Buffer.alloc(START_BYTES);
  #length = 0;
  #last = Buffer.alloc(START_BYTES);
  #lastLength = -1;
  #lastText = "";
  /** All that was written so far is what the last envelope began with. */
  #isSame = false;

  start(event: Uint8Array): void {
    this.#event = event;
    this.#length = 0;
    this.#isSame = true;
  }

  /** Adds these bytes of the event. */
  copy(start: number, end: number): void {
    this.#add(this.#event, start, end);
  }

  put(bytes: Uint8Array): void {
    this.#add(bytes, 0, bytes.length);
  }

  finish(): string {
    if (this.#isSame && this.#length === this.#lastLength) return this.#lastText;
    this.#lastText = this.#bytes.toString("utf8", 0, this.#length);
    this.#lastLength = this.#length;
    [this.#bytes, this.#last] = [this.#last, this.#bytes];
    return this.#lastText;
  }

  // By a loop: the pieces are a few bytes long, for which a call costs more.
  #add(from: Uint8Array, start: number, end: number): void {
    let length = this.#length;
    if (length + end - start > this.#bytes.length) this.#grow(length + end - start);
    const bytes = this.#bytes;
    const last = this.#last;
    let isSame = this.#isSame;
    for (let at = start; at < end; at++) {
      const byte = from[at] ?? 0;
      isSame &&= last[length] === byte;
      bytes[length++] = byte;
    }
    this.#isSame = isSame;
    this.#length = length;
  }

  #grow(bytes: number): void {
    const larger = Buffer.alloc(Math.max(bytes, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
