import { MsgHdrsImpl } from "@nats-io/transport-node";
import type { CollectedEvent } from "../../core/event.ts";
import type { NatsConfig } from "./config.ts";
import { subjectOf } from "./subject.ts";

/** A message to publish. */
export interface Message {
  readonly subject: string;
  readonly payload: Buffer;
  readonly headers: MsgHdrsImpl;
  /** Headers and payload, as max_payload counts them. */
  readonly bytes: number;
}

const PREAMBLE = "NATS/1.0\r\n";
/** Structured mode of the NATS protocol binding for CloudEvents. */
const STRUCTURED = "content-type: application/cloudevents+json; charset=UTF-8\r\n";

/** Names, separators and line ends of the headers whose values differ: Nats-Msg-Id, and with CloudEvents three more. */
const ID_HEADER_BYTES = PREAMBLE.length + "Nats-Msg-Id: /\r\n\r\n".length;
const CLOUDEVENTS_BYTES = STRUCTURED.length + "ce-id: \r\nce-type: \r\nce-source: \r\n".length;

/** How events become messages. The payload of each is the event's bytes. */
export class MessageEncoder {
  readonly #template: string;
  readonly #stream: string;
  readonly #withCloudEvents: boolean;

  constructor(config: Pick<NatsConfig, "subject" | "stream" | "headers">) {
    this.#template = config.subject;
    this.#stream = config.stream === undefined ? "" : `Nats-Expected-Stream: ${config.stream}\r\n`;
    this.#withCloudEvents = config.headers === "cloudevents";
  }

  /** Whether all events go to the same subject. */
  get hasOneSubject(): boolean {
    return !this.#template.includes("{");
  }

  /** Exactly the bytes of headers and payload. */
  messageBytes(event: CollectedEvent): number {
    const [id, source] = [headerText(event.id).length, headerText(event.source).length];
    const bytes = event.bytes.length + ID_HEADER_BYTES + this.#stream.length + source + id;
    return this.#withCloudEvents ? bytes + CLOUDEVENTS_BYTES + id + headerText(event.type).length + source : bytes;
  }

  message(event: CollectedEvent): Message {
    const [id, source] = [headerText(event.id), headerText(event.source)];
    // An id is its source's own: two sources may use the same one for different events.
    let text = `${PREAMBLE}Nats-Msg-Id: ${source}/${id}\r\n${this.#stream}`;
    if (this.#withCloudEvents) {
      text += `${STRUCTURED}ce-id: ${id}\r\nce-type: ${headerText(event.type)}\r\nce-source: ${source}\r\n`;
    }
    text += "\r\n";
    return {
      subject: subjectOf(this.#template, event),
      payload: event.bytes,
      headers: new EncodedHeaders(Buffer.from(text, "latin1")),
      bytes: text.length + event.bytes.length,
    };
  }
}

/** Headers as they go on the wire: the library's own take longer to build than all the rest of a message. */
class EncodedHeaders extends MsgHdrsImpl {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    super();
    this.#bytes = bytes;
  }

  override encode(): Uint8Array {
    return this.#bytes;
  }
}

/**
 * A value fit for a header: percent-encoded where it is not printable ASCII, as the NATS binding
 * for CloudEvents asks. Different values stay different.
 */
export function headerText(value: string): string {
  if (/^[!#$&-~]*$/.test(value)) return value;
  return value
    .toWellFormed()
    .replaceAll(/[^!#$&-~]/gu, (character) =>
      character < "\u0080" ? percent(character) : encodeURIComponent(character),
    );
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}
