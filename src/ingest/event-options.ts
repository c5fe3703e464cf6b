import { ACK_LEVELS, type AckLevel } from "./config.ts";
import type { Problem } from "./problems.ts";
import type { Query } from "./query.ts";

/** What a sender wants done with its events and told about them. */
export interface EventOptions {
  readonly ack: AckLevel;
  /** Check the events and store nothing. */
  readonly validateOnly: boolean;
  /** Answer with a result for each event even when all is well. */
  readonly representation: boolean;
  /** What the client reports to have dropped, as `?dropped=` has it. */
  readonly clientDropped: string | undefined;
}

export function eventOptions(query: Query, prefer: string | undefined, defaultAck: AckLevel): EventOptions | Problem {
  let ack = defaultAck;
  if (query.ack !== undefined) {
    const level = ACK_LEVELS.find((known) => known === query.ack);
    if (level === undefined) {
      return { code: "ack_invalid", detail: `?ack= must be one of ${ACK_LEVELS.join(", ")}.` };
    }
    ack = level;
  }
  if (query.validate !== undefined && query.validate !== "only") {
    return {
      code: "query_invalid",
      detail: "?validate= must be `only`, which checks the events and stores nothing. Leave it out to store them.",
    };
  }
  return {
    ack,
    validateOnly: query.validate === "only",
    representation: prefer !== undefined && prefersRepresentation(prefer),
    clientDropped: query.dropped,
  };
}

/** RFC 7240: the first `return` preference counts; unknown preferences are ignored. */
function prefersRepresentation(prefer: string): boolean {
  for (const preference of prefer.split(",")) {
    const [name, value] = (preference.split(";", 1)[0] ?? "").split("=", 2);
    if (name?.trim().toLowerCase() !== "return") continue;
    return value?.trim().replaceAll('"', "").toLowerCase() === "representation";
  }
  return false;
}
