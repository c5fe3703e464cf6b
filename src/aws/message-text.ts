/**
 * SQS takes the characters of XML 1.0 and no others
 * (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html), and
 * SNS hands messages on to it. Of those left out, JSON has only two as they are: U+FFFE and
 * U+FFFF. JSON can write both as escapes, which mean the same.
 */
const NOT_TAKEN = /[\uFFFE\uFFFF]/g;

/** UTF-8 of both begins so. */
const SUSPICIOUS = Buffer.from([0xef, 0xbf]);

const ESCAPE_BYTES = 6;
const RAW_BYTES = 3;

/** The text of a message that holds JSON, with what the service does not take written as escapes. */
export function messageText(json: Buffer): string {
  const text = json.toString();
  return json.includes(SUSPICIOUS)
    ? text.replaceAll(NOT_TAKEN, (char) => (char === "\uFFFE" ? "\\ufffe" : "\\uffff"))
    : text;
}

/** Bytes of `messageText`, as the services count them: of its UTF-8. */
export function messageBytes(json: Buffer): number {
  if (!json.includes(SUSPICIOUS)) return json.length;
  const escapes = json.toString().match(NOT_TAKEN)?.length ?? 0;
  return json.length + escapes * (ESCAPE_BYTES - RAW_BYTES);
}

/** Text that is not JSON, such as the value of an attribute: what the service does not take is replaced. */
export function attributeText(text: string): string {
  // oxlint-disable-next-line no-control-regex -- these are what is to be found
  return text.toWellFormed().replaceAll(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/g, "\uFFFD");
}
