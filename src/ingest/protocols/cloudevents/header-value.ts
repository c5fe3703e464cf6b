import { isUtf8 } from "node:buffer";

const QUOTED = /^"(?:[^"\\]|\\.)*"$/;

/**
 * The value of an attribute that a header holds: without the quotes of earlier versions, and with
 * one round of percent-decoding (CloudEvents 1.0.2, HTTP binding, 3.1.3.2). A % that begins no
 * escape stands for itself, and bytes that are not ASCII, which should have been escaped, are UTF-8:
 * some clients do not encode at all.
 *
 * @param value as node reads it: a character for each byte
 * @returns `undefined` when the bytes are not UTF-8, which the binding has receivers refuse
 */
export function decodeHeaderValue(value: string): string | undefined {
  const text = QUOTED.test(value) ? value.slice(1, -1).replaceAll(/\\(.)/g, "$1") : value;
  if (!/[%\u0080-\u00ff]/.test(text)) return text;
  const bytes = Buffer.from(text.replaceAll(/%([0-9A-Fa-f]{2})/g, byteOf), "latin1");
  return isUtf8(bytes) ? bytes.toString("utf8") : undefined;
}

function byteOf(_escape: string, hex: string): string {
  return String.fromCharCode(Number.parseInt(hex, 16));
}
