import { withoutCredentials } from "../../outbound/credentials.ts";
import { HttpClient } from "../../outbound/http-client.ts";
import { quotable } from "../../outbound/quotable.ts";
import type { SendResult } from "./messenger.ts";

/** What was sent will never be taken. Anything else may be mended where it is sent to, or in the configuration. */
const REFUSED = new Set([400, 413, 422]);

const MAX_REPLY_BYTES = 64 * 1024;

/** Posts JSON to one URL, of which reasons name the host only: with Slack the path is the secret. */
export class JsonPoster {
  readonly #client: HttpClient;
  readonly #host: string;
  readonly #path: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(url: URL, timeoutMs: number, headers: Readonly<Record<string, string>> = {}) {
    this.#host = url.host;
    this.#path = url.pathname + url.search;
    this.#headers = url.username === "" ? headers : { authorization: basic(url), ...headers };
    this.#client = new HttpClient({ endpoint: url, connections: 1, timeoutMs, maxReplyBytes: MAX_REPLY_BYTES });
  }

  async post(body: Buffer, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<SendResult> {
    const all = { ...this.#headers, ...headers, "content-type": "application/json" };
    const result = await this.#client.send({ method: "POST", path: this.#path, headers: all, body }, signal);
    if (result.kind === "no-reply") return { kind: "failed", reason: result.reason };
    const said = quotable(withoutCredentials(result.body, all).toString());
    const answer = `HTTP ${result.status} from ${this.#host}${said === "" ? "" : `: ${said}`}`;
    if (result.status >= 200 && result.status < 300) return { kind: "sent", answer };
    if (REFUSED.has(result.status)) return { kind: "refused", reason: answer };
    const retryAfterS = Number(result.headers["retry-after"]);
    if (!(retryAfterS > 0)) return { kind: "failed", reason: answer };
    return { kind: "failed", reason: answer, retryAfterMs: retryAfterS * 1_000 };
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

function basic({ username, password }: URL): string {
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(pair).toString("base64")}`;
}
