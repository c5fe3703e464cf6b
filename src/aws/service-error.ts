import { parseJsonObject } from "../outbound/json-reply.ts";
import { quotable } from "../outbound/quotable.ts";
import { parseXml, xmlAt, xmlFields } from "./xml-reply.ts";

/** An error of an AWS service, as far as the reply could be understood. */
export interface ServiceError {
  /** Such as `ResourceNotFoundException`; `undefined` when the reply names none. */
  readonly code: string | undefined;
  /** The service's own words, shortened, in one line; empty when there are none. */
  readonly message: string;
}

/** Codes by which a service says that the keys are not, or no longer, known. */
const STALE_IDENTITY = new Set([
  "ExpiredToken",
  "ExpiredTokenException",
  "UnrecognizedClientException",
  "InvalidClientTokenId",
]);

/** True when other keys may help, so that they should be looked up again. */
export function blamesIdentity(error: ServiceError): boolean {
  return error.code !== undefined && STALE_IDENTITY.has(error.code);
}

const LESS_THAN = 0x3c;

/**
 * Reads the error reply of a service that speaks AWS JSON, or the Query protocol and its XML.
 * Anything may stand in a reply, so everything is a value: a gateway's HTML has no code and no
 * message.
 */
export function readServiceError(body: Uint8Array): ServiceError {
  if (body[0] === LESS_THAN) return readXmlError(body);
  const reply = parseJsonObject(body);
  const type = reply?.["__type"];
  const message = reply?.["message"] ?? reply?.["Message"];
  return {
    code: typeof type === "string" ? bareCode(type) : undefined,
    message: typeof message === "string" ? quotable(message) : "",
  };
}

function readXmlError(body: Uint8Array): ServiceError {
  const error = xmlAt(parseXml(body), "Error");
  const { Code: code, Message: message } = error === undefined ? {} : xmlFields(error);
  return { code: code === undefined || code === "" ? undefined : quotable(code), message: quotable(message ?? "") };
}

/** `com.amazonaws.kinesis#ResourceNotFoundException` is `ResourceNotFoundException`. */
function bareCode(type: string): string {
  return quotable(type.slice(type.lastIndexOf("#") + 1));
}
