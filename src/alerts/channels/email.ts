import { createTransport } from "nodemailer";
import { errorInWords, quotable } from "../../outbound/quotable.ts";
import type { EmailConfig } from "../channel-config.ts";
import { detailsOf, droppedInWords, subjectOf, titleOf } from "../message-text.ts";
import type { Message, Notice } from "../notice.ts";
import type { Messenger, SendResult } from "./messenger.ts";

/** Messages by SMTP, each over a connection of its own: they are few. */
export function createEmailMessenger(config: EmailConfig): Messenger {
  const { host, port, secure, auth, timeoutMs, from, to } = config;
  const transport = createTransport({
    host,
    port,
    secure,
    requireTLS: config.requireTls ?? auth !== undefined,
    ...(auth && { auth }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async send(message, signal) {
      const sending = transport
        .sendMail({
          from,
          to,
          subject: subjectOf(message),
          text: textOf(message),
          // The same when it is sent again, so that mail programs may show it once.
          messageId: `<${message.id}@${from.split("@").at(-1)}>`,
          headers: { "Auto-Submitted": "auto-generated" },
        })
        .then(
          ({ response, rejected }): SendResult => ({
            kind: "sent",
            answer: quotable(response),
            ...(rejected.length > 0 && {
              warning: `the server does not take mail for ${quotable(rejected.join(", "))}`,
            }),
          }),
          (error: unknown): SendResult => ({
            kind: "failed",
            reason: `no mail through ${host}:${port}: ${errorInWords(error)}`,
          }),
        );
      const given = Promise.withResolvers<SendResult>();
      const giveUp = (): void => given.resolve({ kind: "failed", reason: `given up before ${host}:${port} replied` });
      signal.addEventListener("abort", giveUp, { once: true });
      if (signal.aborted) giveUp();
      try {
        return await Promise.race([sending, given.promise]);
      } finally {
        signal.removeEventListener("abort", giveUp);
      }
    },
    async close() {
      transport.close();
    },
  };
}

function textOf(message: Message): string {
  const dropped = droppedInWords(message);
  const parts = message.notices.map((notice) => partOf(notice));
  return `${[...parts, ...(dropped === undefined ? [] : [dropped])].join("\n\n")}\n`;
}

function partOf(notice: Notice): string {
  const details = detailsOf(notice);
  const width = Math.max(...details.map(([name]) => name.length));
  return [titleOf(notice), "", ...details.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`)].join("\n");
}
