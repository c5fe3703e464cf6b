import type Bowser from "bowser";
import type { isbot } from "isbot";

/**
 * User agents remembered. A million visitors have some thousand different ones; each entry takes
 * up to 2 KB, and what is not remembered is read again in some 20 µs.
 */
const MAX_KNOWN = 2_000;

/** What is read from a user agent, as attributes of events. What it does not tell is absent. */
export interface UserAgentAttributes {
  readonly browser?: string;
  readonly browserversion?: string;
  readonly os?: string;
  readonly osversion?: string;
  readonly device?: string;
}

export const USER_AGENT_ATTRIBUTES = ["browser", "browserversion", "os", "osversion", "device"] as const;

interface Known {
  attributes: UserAgentAttributes | undefined;
  isBot: boolean | undefined;
}

/** Reads user agents, each once as long as it is remembered. */
export class UserAgents {
  readonly #parse: typeof Bowser.parse;
  readonly #isBot: typeof isbot;
  readonly #known = new Map<string, Known>();

  private constructor(parse: typeof Bowser.parse, isBot: typeof isbot) {
    this.#parse = parse;
    this.#isBot = isBot;
  }

  /** Its lists of browsers and bots take time to load, so only who uses them does. */
  static async load(): Promise<UserAgents> {
    const [{ default: bowser }, { isbot }] = await Promise.all([import("bowser"), import("isbot")]);
    return new UserAgents((text) => bowser.parse(text), isbot);
  }

  attributesOf(userAgent: string): UserAgentAttributes {
    const known = this.#knownOf(userAgent);
    known.attributes ??= this.#read(userAgent);
    return known.attributes;
  }

  isBot(userAgent: string): boolean {
    const known = this.#knownOf(userAgent);
    known.isBot ??= this.#isBot(userAgent);
    return known.isBot;
  }

  #read(userAgent: string): UserAgentAttributes {
    // It refuses an empty one by throwing.
    if (userAgent === "") return {};
    const { browser, os, platform } = this.#parse(userAgent);
    return {
      ...(browser.name && { browser: browser.name }),
      ...(browser.version && { browserversion: browser.version }),
      ...(os.name && { os: os.name }),
      ...(os.version && { osversion: os.version }),
      ...(platform.type && { device: platform.type }),
    };
  }

  #knownOf(userAgent: string): Known {
    let known = this.#known.get(userAgent);
    if (known !== undefined) return known;
    if (this.#known.size === MAX_KNOWN) this.#known.clear();
    this.#known.set(userAgent, (known = { attributes: undefined, isBot: undefined }));
    return known;
  }
}
