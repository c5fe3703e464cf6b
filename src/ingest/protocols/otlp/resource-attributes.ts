import { textAttribute } from "./any-value.ts";
import { type Surroundings } from "./part.ts";
import { isObject } from "../json-object.ts";

/** Longer texts are not what one filters by, and stay where they are. */
const MAX_TEXT_CHARS = 256;

/** What of a resource everyone filters by. */
export function resourceAttributes({ members }: Surroundings): { readonly servicename: string | undefined } {
  const { resource } = members;
  return {
    servicename: isObject(resource) ? shortText(textAttribute(resource["attributes"], "service.name")) : undefined,
  };
}

/** The text for an attribute of the event; `undefined` when it is none, is empty or too long. */
export function shortText(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" && value.length <= MAX_TEXT_CHARS ? value : undefined;
}
