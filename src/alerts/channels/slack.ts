import type { Clock } from "../../core/clock.ts";
import type { SlackConfig } from "../channel-config.ts";
import { detailsOf, droppedInWords, subjectOf, titleOf } from "../message-text.ts";
import type { Message, Notice } from "../notice.ts";
import { JsonPoster } from "./http-post.ts";
import type { Messenger } from "./messenger.ts";

/** https://api.slack.com/reference/block-kit/blocks#section: 3,000 characters of text. */
const MAX_SECTION_CHARS = 3_000;

export function createSlackMessenger(config: SlackConfig, clock: Clock): Messenger {
  const poster = new JsonPoster(new URL(config.url), config.timeoutMs, clock);
  return {
    send: (message, signal) => poster.post(Buffer.from(JSON.stringify(slackBody(message))), {}, signal),
    close: () => poster.close(),
  };
}

/**
 * `blocks` for Slack, which shows `text` in notifications only; Mattermost, Rocket.Chat and Discord
 * (`/slack`) show `text`, so it says all as well.
 */
export function slackBody(message: Message): object {
  const sections = message.notices.map((notice) => sectionOf(notice));
  const dropped = droppedInWords(message);
  if (dropped !== undefined) sections.push(escaped(dropped));
  const heading = message.notices.length === 1 ? [] : [`*${escaped(subjectOf(message))}*`];
  return {
    text: [...heading, ...sections].join("\n\n"),
    blocks: [...heading, ...sections].map((text) => ({
      type: "section",
      text: { type: "mrkdwn", text: text.slice(0, MAX_SECTION_CHARS) },
    })),
  };
}

function sectionOf(notice: Notice): string {
  // Within back quotes nothing is a mention, a link or an emphasis.
  const details = detailsOf(notice).map(([name, text]) => (name === "link" ? escaped(text) : `${name}: ${code(text)}`));
  return [code(titleOf(notice)), ...details].join("\n");
}

function code(text: string): string {
  return `\`${escaped(text.replaceAll("`", "'"))}\``;
}

/** https://api.slack.com/reference/surfaces/formatting#escaping: these three and no others. */
function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
