import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { Exchange } from "./exchange.ts";
import type { Problem } from "./problems.ts";

/** Short: what a page gets under the plain name should soon be what the collector has. */
const PLAIN_MAX_AGE_SECONDS = 300;
const YEAR_SECONDS = 365 * 24 * 60 * 60;

/** The script with our SDK for browsers, as it is served to pages of any origin. */
export class BrowserSdk {
  readonly #script: Buffer;
  readonly #compressed: Buffer;
  readonly #hash: string;
  /** For the attribute of that name, so that a page runs this script and no other. */
  readonly #integrity: string;

  constructor(script: Buffer) {
    this.#script = script;
    this.#compressed = gzipSync(script, { level: 9 });
    this.#hash = createHash("sha256").update(script).digest("hex").slice(0, 16);
    this.#integrity = `sha384-${createHash("sha384").update(script).digest("base64")}`;
  }

  /** @param hash that of the URL, which makes what is there immutable; `undefined` without one */
  serveScript(exchange: Exchange, hash: string | undefined): void {
    if (hash !== undefined && hash !== this.#hash) return exchange.problem(this.#otherVersion());
    const { headers } = exchange.request;
    const cacheControl =
      hash === undefined ? `public, max-age=${PLAIN_MAX_AGE_SECONDS}` : `public, max-age=${YEAR_SECONDS}, immutable`;
    // Weak: the same for both encodings.
    const etag = `W/"${this.#hash}"`;
    const described = ["Cache-Control", cacheControl, "ETag", etag, "Vary", "Accept-Encoding"];
    // Pages that are isolated from other origins may load it too.
    described.push("Cross-Origin-Resource-Policy", "cross-origin");
    if (headers["if-none-match"]?.includes(this.#hash) === true) return exchange.empty(304, described);
    const isCompressed = /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(headers["accept-encoding"]?.toString() ?? "");
    if (isCompressed) described.push("Content-Encoding", "gzip");
    exchange.body(200, "text/javascript; charset=utf-8", isCompressed ? this.#compressed : this.#script, described);
  }

  /** Where the script is, and the element for a page. */
  serveDescription(exchange: Exchange): void {
    const path = `/sdk.${this.#hash}.js`;
    const integrity = this.#integrity;
    const element = `<script src="COLLECTOR${path}" integrity="${integrity}" crossorigin="anonymous"></script>`;
    exchange.json(200, JSON.stringify({ path, integrity, element }), ["Cache-Control", "no-cache"]);
  }

  #otherVersion(): Problem {
    return {
      code: "not_found",
      detail: `This collector has another version of the SDK: /sdk.${this.#hash}.js. GET /sdk.json tells its integrity.`,
    };
  }
}

/** Where a copy of the collector has no SDK. */
export const NO_SDK: Problem = {
  code: "not_found",
  detail: "This collector was installed without the browser SDK. `npm run build` makes it.",
};
