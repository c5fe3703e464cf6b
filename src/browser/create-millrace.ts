import { type Capture, listen } from "./capture.ts";
import { showFailure } from "./debug-console.ts";
import { Delivery, MAX_REQUEST_BYTES } from "./delivery.ts";
import { newEventId } from "./event-id.ts";
import { isSampled, type Sampling } from "./sampling.ts";

/** For so long after a page was hidden, what is tracked may be its last. */
const LAST_WORDS_MS = 1_000;

const DEBUG_BATCH_AGE_MS = 50;
const DAY_MS = 24 * 60 * 60 * 1_000;

/** CloudEvents extension attributes: names of a-z and 0-9. */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

export interface MillraceOptions {
  /** Of the collector, such as `https://collector.example`; with a path, exactly where events go. */
  readonly url: string;
  /** The source's write key. */
  readonly key: string;
  /**
   * `false`: nothing is tracked, and what was stored is removed. `"pending"`: events wait in memory, up to 256 KiB,
   * until `consent()` tells; nothing is stored or sent. Default: true.
   */
  readonly consent?: boolean | "pending";
  /** What is captured without a call: `pageViews`, `errors`, `webVitals`, `longTasks`, `resourceErrors`. Default: nothing. */
  readonly capture?: readonly Capture[];
  /** Which visitors send events. Default: all. */
  readonly sampling?: Sampling;
  /** Of every event. */
  readonly attributes?: Attributes;
  /** Say in the console what the collector finds wrong, beside the call. Not for production. Default: false. */
  readonly debug?: boolean;
  /** Events in one request. Default: 50. */
  readonly maxBatchEvents?: number;
  /** Of one request; at most 60,000. Default: 30,000. */
  readonly maxBatchBytes?: number;
  /** Longest wait of an event for others. Default: 1,000; 50 with `debug`. */
  readonly maxBatchAgeMs?: number;
  /** Of events that are stored until they can be sent, all tabs together. Default: 2 MiB. */
  readonly maxStoredBytes?: number;
  /** Longest time for which an event is stored. Default: 7 days. */
  readonly maxStoredAgeMs?: number;
}

export interface TrackOptions {
  /** Default: a new UUIDv7. */
  readonly id?: string;
  /** When it happened. Default: now, by the visitor's clock. */
  readonly time?: Date;
  readonly attributes?: Attributes;
}

/** What a call needs after the type: data, unless the type allows that there are none. */
type TrackRest<Data> = undefined extends Data
  ? [data?: Data, options?: TrackOptions]
  : [data: Data, options?: TrackOptions];

/** No method ever throws. */
export interface Millrace<Events extends object> {
  /** Takes an event. It costs the page some microseconds; sending is done later. */
  track<Type extends keyof Events & string>(type: Type, ...rest: TrackRest<Events[Type]>): void;
  /** Sends what waits. Resolves when that is sent, stored, or given up. */
  flush(): Promise<void>;
  /** The visitor's choice. `false` also removes what waits or is stored. */
  consent(given: boolean): void;
  /** Sends what waits, and stops everything. */
  close(): Promise<void>;
}

/**
 * A client of one collector and source.
 *
 * @typeParam Events what `data` has to be, by event type; `millrace schema types` writes it from the schemas
 */
export function createMillrace<Events extends object = Readonly<Record<string, unknown>>>(
  options: MillraceOptions,
): Millrace<Events> {
  const client = new Client(options);
  return {
    track: (type, ...[data, trackOptions]) => client.track(type, data, trackOptions),
    flush: () => client.flush(),
    consent: (given) => client.consent(given),
    close: () => client.close(),
  };
}

class Client {
  readonly #options: MillraceOptions;
  #delivery: Delivery | undefined;
  readonly #stops: (() => void)[] = [];
  readonly #encoder = new TextEncoder();
  #consent: boolean | "pending" = "pending";
  #hiddenAtMs = -LAST_WORDS_MS;
  #gone = false;
  #leaving = false;

  constructor(options: MillraceOptions) {
    this.#options = options;
    const { debug = false, maxBatchBytes = 30_000, consent = true, sampling, capture = [] } = options;
    if (sampling !== undefined && !isSampled(sampling)) return;
    try {
      this.#delivery = new Delivery({
        maxBatchEvents: options.maxBatchEvents ?? 50,
        maxBatchBytes: Math.min(maxBatchBytes, MAX_REQUEST_BYTES),
        maxBatchAgeMs: options.maxBatchAgeMs ?? (debug ? DEBUG_BATCH_AGE_MS : 1_000),
        maxStoredBytes: options.maxStoredBytes ?? 2 * 1024 ** 2,
        maxStoredAgeMs: options.maxStoredAgeMs ?? 7 * DAY_MS,
        url: addressOf(options.url, options.key),
        debug,
      });
    } catch {
      // There is no place where it could be told but the console.
      showFailure(`its url or key is missing or not valid: ${options.url}`);
      return;
    }
    if (consent !== "pending") this.consent(consent);
    this.#listen();
    for (const each of capture) this.#begin(each);
  }

  track(type: string, data?: unknown, { id, time, attributes }: TrackOptions = {}): void {
    if (this.#delivery === undefined || this.#consent === false) return;
    const nowMs = Date.now();
    try {
      const text = JSON.stringify({
        ...this.#options.attributes,
        ...attributes,
        id: id ?? newEventId(nowMs),
        type,
        time: (time ?? new Date(nowMs)).toISOString(),
        data,
      });
      const bytes = this.#encoder.encode(text).length + 1;
      this.#delivery.add({ text, bytes, stack: this.#options.debug === true ? new Error().stack : undefined });
    } catch {
      this.#delivery.lose("not_json");
    }
    if (this.#gone || nowMs - this.#hiddenAtMs < LAST_WORDS_MS) this.#leaveSoon();
  }

  async flush(): Promise<void> {
    if (this.#consent === true) await this.#delivery?.flush();
  }

  consent(given: boolean): void {
    this.#consent = given;
    if (given) this.#delivery?.start();
    else this.#delivery?.forget();
  }

  async close(): Promise<void> {
    for (const stop of this.#stops.splice(0)) stop();
    const delivery = this.#delivery;
    this.#delivery = undefined;
    if (this.#consent === true) await delivery?.close();
  }

  #listen(): void {
    // On the window, which hears of it after listeners on the document: theirs may be the last events.
    const onHidden = (): void => {
      if (document.visibilityState !== "hidden") {
        this.#hiddenAtMs = -LAST_WORDS_MS;
        return;
      }
      this.#hiddenAtMs = Date.now();
      this.#leave();
    };
    addEventListener("visibilitychange", onHidden);
    this.#stops.push(
      () => removeEventListener("visibilitychange", onHidden),
      listen("pagehide", () => {
        this.#gone = true;
        this.#leave();
      }),
      // Back from the browser's cache of pages.
      listen("pageshow", () => {
        this.#gone = false;
      }),
      listen("online", () => this.#delivery?.wake()),
    );
  }

  #begin(capture: Capture): void {
    try {
      const stop = capture({
        track: (type, data) => this.track(type, data),
        lose: (reason) => this.#delivery?.lose(reason),
      });
      this.#stops.push(stop);
    } catch {
      // A browser that lacks what it needs goes without.
    }
  }

  /** Once for all that is tracked in this turn. */
  #leaveSoon(): void {
    if (this.#leaving) return;
    this.#leaving = true;
    queueMicrotask(() => {
      this.#leaving = false;
      this.#leave();
    });
  }

  #leave(): void {
    try {
      this.#delivery?.leave(this.#gone);
    } catch {
      // The page must not notice.
    }
  }
}

function addressOf(collector: string, key: string): string {
  // Scripts are not type-checked. Without this, events would go to a path "undefined" of the page's own server.
  if (!collector || !key) throw new TypeError("url and key are required");
  const url = new URL(collector, location.href);
  if (url.pathname === "/") url.pathname = "/v1/events";
  url.searchParams.set("key", key);
  return url.href;
}
