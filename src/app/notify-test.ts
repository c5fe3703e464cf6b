import { type ChannelTest, testChannel, testNotice } from "../alerts/test-channel.ts";
import { systemClock } from "../core/clock.ts";
import { MillraceError } from "../core/errors.ts";
import type { NotifyConfig } from "../sinks/notify/config.ts";
import type { MillraceConfig } from "./config.ts";

/** Which messages to send: by default one to each channel of each sink of type `notify`. */
export interface TestChoice {
  readonly sink?: string | undefined;
  readonly channel?: string | undefined;
  /** Send what this rule would send, to its channels. */
  readonly rule?: string | undefined;
}

/** Sends test messages. Throws `usage` when the choice leaves none. */
export async function testChannels(
  { node, sinks }: MillraceConfig,
  choice: TestChoice,
  signal: AbortSignal,
): Promise<ChannelTest[]> {
  const notifiers = sinks.filter((sink): sink is NotifyConfig => sink.type === "notify");
  const tests = notifiers.flatMap((sink) => {
    if (choice.sink !== undefined && choice.sink !== sink.name) return [];
    const rule = [...sink.rules, ...sink.collector].find(({ name }) => name === choice.rule);
    if (choice.rule !== undefined && rule === undefined) return [];
    return sink.channels
      .filter(({ name }) => choice.channel === undefined || choice.channel === name)
      .filter(({ name }) => rule?.channels === undefined || rule.channels.includes(name))
      .map((channel) => testChannel(channel, testNotice(sink, rule, node, systemClock.nowMs()), systemClock, signal));
  });
  if (tests.length === 0) throw new MillraceError("usage", nothingToTest(notifiers, choice));
  return (await Promise.all(tests)).flat();
}

function nothingToTest(notifiers: readonly NotifyConfig[], choice: TestChoice): string {
  if (notifiers.length === 0) return "The configuration has no sink of type notify, so there is nobody to tell.";
  const known = notifiers.map(({ name, channels, rules, collector }) => {
    const named = [...rules, ...collector].map((rule) => rule.name);
    return `sink ${name}: channels ${channels.map((channel) => channel.name).join(", ")}; rules ${named.join(", ")}`;
  });
  const chosen = Object.entries(choice).flatMap(([what, name]) =>
    name === undefined ? [] : `${what} ${String(name)}`,
  );
  return `Nothing goes by ${chosen.join(", ")}. There is ${known.join(" · ")}.`;
}
