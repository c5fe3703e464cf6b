import { jetstreamManager, type StreamInfo } from "@nats-io/jetstream";
import { errorInWords } from "../../outbound/quotable.ts";
import type { NatsConfig } from "./config.ts";
import type { Link } from "./link.ts";
import { covers, coverOf } from "./subject.ts";

/** `duplicate_window` and `max_age` are in nanoseconds. */
const NANOS_PER_SECOND = 1e9;

/** A retry comes up to this late after the write that it repeats, by the default `maxDelayMs`. */
const LEAST_WINDOW_SECONDS = 30;

/** Looks at the server and the stream. Never throws for what they answer. */
export async function streamProblems(link: Link, config: NatsConfig): Promise<string[]> {
  const problems: string[] = [];
  const maxPayload = link.connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
  if (maxPayload < config.maxPayloadBytes) {
    problems.push(
      `The server takes messages of at most ${maxPayload} bytes and maxPayloadBytes is ${config.maxPayloadBytes}: lower it, or raise max_payload of the servers.`,
    );
  }
  try {
    const manager = await jetstreamManager(link.connection, { checkAPI: false, timeout: config.timeoutMs });
    const name = config.stream ?? (await manager.streams.find(coverOf(config.subject)));
    problems.push(...problemsOf(await manager.streams.info(name), config));
  } catch (error) {
    problems.push(
      `The stream ${config.stream ?? `for ${coverOf(config.subject)}`} cannot be looked at (${errorInWords(error)}): create it, enable JetStream, or allow the user $JS.API.STREAM.NAMES and $JS.API.STREAM.INFO.`,
    );
  }
  return problems;
}

/** Where stream and configuration do not match, each with what to do. */
export function problemsOf(
  { config: stream, cluster }: Pick<StreamInfo, "config" | "cluster">,
  config: Pick<NatsConfig, "subject" | "maxPayloadBytes">,
): string[] {
  const problems: string[] = [];
  const { name } = stream;
  const needed = coverOf(config.subject);
  if (!stream.subjects.some((subject) => covers(subject, needed))) {
    problems.push(
      `The stream ${name} takes ${stream.subjects.join(", ")}, which is not all of ${needed}: an event with another subject would wait for ever. Add ${needed} to its subjects.`,
    );
  }
  if (stream.max_msg_size > 0 && stream.max_msg_size < config.maxPayloadBytes) {
    problems.push(
      `The stream ${name} takes messages of at most ${stream.max_msg_size} bytes and maxPayloadBytes is ${config.maxPayloadBytes}: lower it, or raise max_msg_size of the stream.`,
    );
  }
  const windowSeconds = stream.duplicate_window / NANOS_PER_SECOND;
  if (windowSeconds < LEAST_WINDOW_SECONDS) {
    problems.push(
      `The stream ${name} knows repeats for ${windowSeconds} s only: raise duplicate_window to two minutes or more.`,
    );
  }
  if (stream.storage === "memory") {
    problems.push(`The stream ${name} is kept in memory: a restart of the servers loses it. Use file storage.`);
  }
  if (cluster !== undefined && (cluster.leader ?? "") === "") {
    problems.push(`The stream ${name} has no leader: see the cluster.`);
  }
  const behind = cluster?.replicas?.filter(({ offline }) => offline).length ?? 0;
  if (behind > 0) {
    problems.push(`${behind} of ${stream.num_replicas} replicas of the stream ${name} are offline: see the cluster.`);
  }
  return problems;
}
