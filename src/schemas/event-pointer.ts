import { quoted } from "./value-words.ts";

/** Longest pointer in a problem, in characters; beyond that the pointer of an ancestor is given. */
const MAX_POINTER = 512;
/** Longest path in a sentence, in characters; of a longer one the end is shown. */
const MAX_SUBJECT = 80;

/** JSON Pointer (RFC 6901) of a member of what `pointer` points at. */
export function memberPointer(pointer: string, member: string): string {
  return `${pointer}/${member.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

export function pointerSegments(pointer: string): string[] {
  if (pointer === "") return [];
  const segments = pointer.slice(1).split("/");
  return segments.map((segment) => segment.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** The pointer itself, or the nearest ancestor's whose pointer is not too long to be sent back. */
export function boundedPointer(pointer: string): string {
  if (pointer.length <= MAX_POINTER) return pointer;
  return pointer.slice(0, pointer.lastIndexOf("/", MAX_POINTER));
}

/** How a sentence names a place in the data, as in JavaScript: `"items[0].price"`; the data itself is `"data"`. */
export function subjectOf(pointer: string): string {
  const segments = pointerSegments(pointer);
  if (segments.length === 0) return '"data"';
  let path = "";
  for (const segment of segments) {
    if (/^\d+$/.test(segment)) path += `[${segment}]`;
    else if (/^[\p{L}_$@][\p{L}\p{N}_$@-]*$/u.test(segment)) path += path === "" ? segment : `.${segment}`;
    else path += path === "" && segments.length === 1 ? segment : `['${segment}']`;
  }
  return quoted(path.length <= MAX_SUBJECT ? path : `…${path.slice(-(MAX_SUBJECT - 1))}`);
}

/** The value a pointer leads to, own members only; `undefined` when there is none. */
export function valueAt(root: unknown, pointer: string): unknown {
  let value = root;
  for (const segment of pointerSegments(pointer)) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, segment)) return undefined;
    value = Object.getOwnPropertyDescriptor(value, segment)?.value;
  }
  return value;
}
