import { ClientIpPrivacy, clientAddress } from "../client-ip.ts";
import type { RequestHead } from "../exchange.ts";
import type { Enrichment } from "../protocols/incoming-event.ts";
import { isReplay } from "../replayed-request.ts";
import type { Source } from "../sources.ts";

/** Every event of a request repeats it, so a long one in a large batch would fill the journal. */
const MAX_USER_AGENT_CHARS = 512;

interface EnricherParts {
  readonly http: { readonly trustedProxyHops: number };
  readonly node: string;
  readonly journal: { readonly slot: string };
  readonly replayToken?: string | undefined;
}

/** Tells what the collector adds to the events of a request, as far as their source allows. */
export class Enricher {
  readonly #parts: EnricherParts;
  readonly #collectorPrefix: string;
  readonly #privacy = new ClientIpPrivacy();

  constructor(parts: EnricherParts) {
    this.#parts = parts;
    this.#collectorPrefix = `${parts.node}/${parts.journal.slot}-`;
  }

  /**
   * The client's address, if there is a use for it.
   *
   * @param peer the socket's, asked for before the first wait: it is gone with the connection
   */
  addressOf({ headers }: RequestHead, source: Source, peer: string | undefined): string | undefined {
    const isWanted =
      source.clientIp !== "none" || source.quota?.isPerClient === true || source.attributes?.needsAddress === true;
    if (!isWanted) return undefined;
    const forwarded = headers["x-forwarded-for"];
    return clientAddress(
      peer,
      typeof forwarded === "string" ? forwarded : undefined,
      this.#parts.http.trustedProxyHops,
    );
  }

  enrich({ headers }: RequestHead, source: Source, address: string | undefined, receivedMs: number): Enrichment {
    const collectorPrefix = this.#collectorPrefix;
    // The operator's address and program are not what the events were sent by.
    if (isReplay(headers, this.#parts.replayToken)) return this.#withoutSender(source, receivedMs);
    const clientIp = address === undefined ? undefined : this.#privacy.apply(address, source.clientIp, receivedMs);
    const userAgent = headers["user-agent"]?.slice(0, MAX_USER_AGENT_CHARS);
    const usual = { source: source.name, receivedMs, clientIp, userAgent, attributes: "", collectorPrefix };
    if (source.attributes === undefined) return usual;
    return {
      ...usual,
      userAgent: source.attributes.keepsUserAgent ? userAgent : undefined,
      attributes: source.attributes.members(userAgent, address),
    };
  }

  #withoutSender(source: Source, receivedMs: number): Enrichment {
    const attributes = source.attributes?.members(undefined, undefined) ?? "";
    const nobody = { clientIp: undefined, userAgent: undefined, attributes };
    return { source: source.name, receivedMs, ...nobody, collectorPrefix: this.#collectorPrefix };
  }

  /** Whether the source wants to know, and a bot has sent the request. */
  isBot({ headers }: RequestHead, source: Source): boolean {
    return source.attributes?.isBot(headers["user-agent"]?.slice(0, MAX_USER_AGENT_CHARS)) === true;
  }
}
