import type { Clock } from "../core/clock.ts";
import { alertsUrl, firingAlert } from "./channels/alertmanager.ts";
import { JsonPoster } from "./channels/http-post.ts";
import type { SendResult } from "./channels/messenger.ts";
import type { ChannelConfig } from "./channel-config.ts";
import { createMessenger } from "./create-messenger.ts";
import type { AlertSettings } from "./alerts.ts";
import { linkOf, type Notice } from "./notice.ts";
import type { RuleConfig } from "./rule-config.ts";

/** What came of a test message at one place to which a channel leads. */
export interface ChannelTest {
  readonly channel: string;
  readonly type: ChannelConfig["type"];
  /** Without what may be secret. */
  readonly target: string;
  readonly result: SendResult;
}

/** A value of a test message for each by which a rule groups. */
const TEST_VALUE = "(test)";

/** What a test message says: as one of the rule would, but that it is a test, and that nothing has happened. */
export function testNotice(settings: AlertSettings, rule: RuleConfig | undefined, node: string, nowMs: number): Notice {
  const groupBy = rule !== undefined && "groupBy" in rule ? rule.groupBy : [];
  const group = groupBy.map((by) => ({ by, value: TEST_VALUE }));
  return {
    kind: "test",
    sink: settings.name,
    rule: rule?.name ?? "millrace-test",
    severity: rule?.severity ?? "info",
    // Alertmanager can tell it by this.
    labels: { ...rule?.labels, millrace_test: "true" },
    group,
    finding: "This is a test by `millrace notify test`; nothing has happened",
    value: 0,
    description: rule?.description,
    link: rule && linkOf(rule, node, group),
    node,
    startedMs: nowMs,
    atMs: nowMs,
    suppressed: 0,
  };
}

/** Sends a test message to all places to which a channel leads, once each. */
export async function testChannel(
  config: ChannelConfig,
  notice: Notice,
  clock: Clock,
  signal: AbortSignal,
): Promise<ChannelTest[]> {
  const { name: channel, type } = config;
  if (config.type === "alertmanager") {
    const alert = firingAlert(notice, config, clock.nowMs());
    const body = Buffer.from(JSON.stringify([alert]));
    return Promise.all(
      config.urls.map(async (url) => {
        const poster = new JsonPoster(alertsUrl(url), config.timeoutMs, clock, config.headers);
        const result = await poster.post(body, {}, signal);
        await poster.close();
        return { channel, type, target: new URL(url).origin, result };
      }),
    );
  }
  const messenger = createMessenger(config, clock);
  const id = `msg_test_${clock.nowMs()}`;
  const result = await messenger.send({ id, notices: [notice], dropped: 0 }, signal);
  await messenger.close();
  const target =
    config.type === "email"
      ? `${config.to.join(", ")} through ${config.host}:${config.port}`
      : `${new URL(config.url).origin}/…`;
  return [{ channel, type, target, result }];
}
