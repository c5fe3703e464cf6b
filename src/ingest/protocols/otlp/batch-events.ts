import { Buffer } from "node:buffer";
import { scanValue } from "../../../core/json-scan.ts";
import type { EventLimits, IncomingBody, IncomingItem } from "../incoming-event.ts";
import { mappedItem } from "../mapped-event.ts";
import type { Part, Parts, Surroundings } from "./part.ts";
import { resourceAttributes } from "./resource-attributes.ts";
import type { Signal } from "./signal.ts";

/** Parts that are read in one turn of the event loop: a millisecond's worth of the smallest. */
const PARTS_A_TURN = 1000;

/** What an event has besides the spans or metrics of its batch: names, braces, the attributes above it. */
const OVERHEAD_BYTES = 1024;
const OVERHEAD_KEYS = 20;

/**
 * Makes events of spans or metrics: those of a resource are one event, with the data that OTLP has for
 * them, as far as an event may hold so many; else several, each with the resource and scopes of its own.
 */
export function* batchEvents(parts: Parts, signal: Signal, limits: EventLimits): IncomingBody {
  let open: Batch | undefined;
  let count = 0;
  for (;;) {
    const next = parts.next();
    if (next.done === true) {
      if (next.value === undefined && open !== undefined) yield open.item(limits);
      return next.value;
    }
    const part = next.value;
    if (part === undefined || ++count % PARTS_A_TURN === 0) yield undefined;
    if (part === undefined) continue;
    if (part.problem !== undefined) {
      const problems = [part.problem];
      yield { kind: "malformed", malformed: { id: undefined, problems, raw: part.raw, parsed: false } };
      continue;
    }
    const keys = scanValue(part.raw, 0, part.raw.length).keys + 1;
    if (open !== undefined && !open.takes(part, keys, limits)) {
      yield open.item(limits);
      open = undefined;
    }
    open ??= new Batch(signal, part.resource);
    open.add(part, keys);
  }
}

class Batch {
  readonly #signal: Signal;
  readonly #resource: Surroundings;
  /** Scopes with their spans or metrics, as JSON. */
  readonly #scopes: { readonly scope: Surroundings; readonly items: string[] }[] = [];
  #bytes: number;
  #keys: number;

  constructor(signal: Signal, resource: Surroundings) {
    this.#signal = signal;
    this.#resource = resource;
    this.#bytes = OVERHEAD_BYTES + Buffer.byteLength(resource.json);
    this.#keys = OVERHEAD_KEYS + keysOf(resource);
  }

  /** Whether the part is of the same resource, and the event stays within its limits with it. */
  takes(part: Part, keys: number, { maxEventBytes, maxJsonKeys }: EventLimits): boolean {
    if (part.resource !== this.#resource) return false;
    const more = this.#scopeCost(part.scope);
    return (
      this.#bytes + more.bytes + part.raw.length + 1 <= maxEventBytes && this.#keys + more.keys + keys <= maxJsonKeys
    );
  }

  add({ scope, raw }: Part, keys: number): void {
    const more = this.#scopeCost(scope);
    this.#bytes += more.bytes + raw.length + 1;
    this.#keys += more.keys + keys;
    const json = raw.toString("utf8");
    const last = this.#scopes.at(-1);
    if (last?.scope === scope) last.items.push(json);
    else this.#scopes.push({ scope, items: [json] });
  }

  item(limits: EventLimits): IncomingItem {
    const { type, scopes, items } = this.#signal;
    const inScopes = this.#scopes.map((each) => `{${withList(each.scope, items, each.items)}}`);
    const data = Buffer.from(`{${withList(this.#resource, scopes, inScopes)}}`);
    return mappedItem({ type, attributes: resourceAttributes(this.#resource), data }, limits);
  }

  #scopeCost(scope: Surroundings): { readonly bytes: number; readonly keys: number } {
    if (this.#scopes.at(-1)?.scope === scope) return { bytes: 0, keys: 0 };
    return { bytes: OVERHEAD_BYTES / 16 + Buffer.byteLength(scope.json), keys: OVERHEAD_KEYS / 2 + keysOf(scope) };
  }
}

function withList({ json }: Surroundings, name: string, values: readonly string[]): string {
  return `${json}${json === "" ? "" : ","}"${name}":[${values.join(",")}]`;
}

function keysOf({ json }: Surroundings): number {
  const bytes = Buffer.from(`{${json}}`);
  return scanValue(bytes, 0, bytes.length).keys;
}
