import type { Clock } from "../../core/clock.ts";
import { type Hide, hiderOf } from "../../outbound/hide-secrets.ts";
import { HttpClient } from "../../outbound/http-client.ts";
import { quotable } from "../../outbound/quotable.ts";
import { retryAfterMs } from "../../outbound/retry-after.ts";
import type { SendResult } from "./messenger.ts";

/** What was sent will never be taken. Anything else may be mended where it is sent to, or in the configuration. */
const REFUSED = new Set([400, 413, 422]);

const MAX_REPLY_BYTES = 64 * 1024;

/** Posts JSON to one URL, of which reasons name the host only: with Slack the path is the secret. Nor do they quote it. */
export class JsonPoster {
  readonly #client: HttpClient;
  readonly #host: string;
  readonly #path: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #hide: Hide;
  readonly #clock: Clock;

  constructor(url: URL, timeoutMs: number, clock: Clock, headers: Readonly<Record<string, string>> = {}) {
    this.#clock = clock;
    this.#host = url.host;
    this.#path = url.pathname + url.search;
    this.#headers = url.username === "" ? headers : { authorization: basic(url), ...headers };
    this.#hide = hiderOf([this.#path, url.pathname, ...url.searchParams.values(), ...Object.values(this.#headers)]);
    this.#client = new HttpClient({ endpoint: url, connections: 1, timeoutMs, maxReplyBytes: MAX_REPLY_BYTES });
  }

  async post(body: Buffer, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<SendResult> {
    const all = { ...this.#headers, ...headers, "content-type": "application/json" };
    const result = await this.#client.send({ method: "POST", path: this.#path, headers: all, body }, signal);
    if (result.kind === "no-reply") return { kind: "failed", reason: result.reason };
    const said = quotable(this.#hide(result.body.toString()));
    const answer = `HTTP ${result.status} from ${this.#host}${said === "" ? "" : `: ${said}`}`;
    if (result.status >= 200 && result.status < 300) return { kind: "sent", answer };
    if (REFUSED.has(result.status)) return { kind: "refused", reason: answer };
    const pauseMs = retryAfterMs(result.headers, this.#clock.nowMs());
    return { kind: "failed", reason: answer, ...(pauseMs !== undefined && { retryAfterMs: pauseMs }) };
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

function basic({ username, password }: URL): string {
  const pair = `${decoded(username)}:${decoded(password)}`;
  return `Basic ${Buffer.from(pair).toString("base64")}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A % that escapes nothing is one.
    return text;
  }
}
