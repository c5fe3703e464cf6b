import { createHmac } from "node:crypto";
import { type ScannedMember, scanElements, scanMembers } from "../../core/json-scan.ts";
import { EVERY } from "../json-pointer.ts";
import { jsonInBase64, jsonWithin, valueText } from "./json-text.ts";
import { memberName } from "../body/member-name.ts";

/** 128 bits, in hexadecimal digits: enough that no two values get the same. */
const HASH_DIGITS = 32;

const BASE64 = "data_base64";

/** `remove`: the member goes. `hash`: its value becomes a keyed hash. */
export type RedactAction = "remove" | "hash";

export interface RedactRule {
  readonly steps: readonly string[];
  readonly action: RedactAction;
}

/** Where rules lead from one place in the JSON. */
interface Node {
  action: RedactAction | undefined;
  /** The place is `data_base64`, whose text is what `data` would be. */
  isBase64: boolean;
  readonly below: Map<string, Node>;
}

/** A stretch of bytes, and what is to be there instead. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** A member or an element, and the nodes that hold for it. */
interface Part {
  /** Of the name, where it has one. */
  readonly start: number;
  readonly valueStart: number;
  readonly end: number;
  readonly nodes: readonly Node[];
}

/**
 * Takes named values out of JSON, and leaves every other byte as it is.
 *
 * A rule holds for each repetition of a name, however it is spelled, and goes on into strings that
 * hold JSON text, for `data` in base64 too. With a member goes its comma; with an element its place, so that those after it
 * move up. null is not hashed: it says that there is nothing.
 */
export class Redactor {
  readonly #root: Node = emptyNode();
  readonly #secret: string;

  /** @param secret the key of hashes */
  constructor(rules: readonly RedactRule[], secret: string) {
    this.#secret = secret;
    for (const { steps, action } of [...rules, ...rules.flatMap(forBase64)]) {
      let node = this.#root;
      for (const step of steps) {
        let next = node.below.get(step);
        if (next === undefined) node.below.set(step, (next = emptyNode()));
        node = next;
      }
      // What is to be removed by one rule is not kept as a hash by another.
      if (node.action !== "remove") node.action = action;
    }
    const base64 = this.#root.below.get(BASE64);
    if (base64 !== undefined) base64.isBase64 = true;
  }

  /** @param json an object or array that `JSON.parse` accepts; returned as it is when nothing of it is named */
  redact(json: Buffer): Buffer {
    const edits: Edit[] = [];
    this.#descend(json, 0, json.length, [this.#root], edits);
    if (edits.length === 0) return json;
    const pieces: Buffer[] = [];
    let at = 0;
    for (const { start, end, text } of edits) {
      pieces.push(json.subarray(at, start), Buffer.from(text));
      at = end;
    }
    pieces.push(json.subarray(at));
    return Buffer.concat(pieces);
  }

  /** Adds the edits of a value, in the order of its bytes. */
  #descend(json: Buffer, start: number, end: number, nodes: readonly Node[], edits: Edit[]): void {
    const parts = membersBelow(json, start, end, nodes) ?? elementsBelow(json, start, end, nodes);
    if (parts !== undefined) {
      this.#parts(json, parts, edits);
      return;
    }
    const isBase64 = nodes.some((node) => node.isBase64);
    const text = isBase64 ? jsonInBase64(json, start, end) : jsonWithin(json, start, end);
    if (text === undefined) return;
    const inner: Edit[] = [];
    this.#descend(text, 0, text.length, nodes, inner);
    if (inner.length === 0) return;
    let [redacted, at] = ["", 0];
    for (const edit of inner) {
      redacted += text.toString("utf8", at, edit.start) + edit.text;
      at = edit.end;
    }
    redacted += text.toString("utf8", at);
    edits.push({ start, end, text: JSON.stringify(isBase64 ? Buffer.from(redacted).toString("base64") : redacted) });
  }

  #parts(json: Buffer, parts: readonly Part[], edits: Edit[]): void {
    for (let index = 0; index < parts.length; index++) {
      const part = parts[index];
      if (part === undefined || part.nodes.length === 0) continue;
      if (isRemoved(part)) {
        let last = index;
        while (last + 1 < parts.length && isRemoved(parts[last + 1])) last++;
        edits.push(cutOf(parts, index, last));
        index = last;
      } else if (part.nodes.some(({ action }) => action === "hash")) {
        const hash = this.#hash(json, part);
        if (hash !== undefined) edits.push({ start: part.valueStart, end: part.end, text: hash });
      } else this.#descend(json, part.valueStart, part.end, part.nodes, edits);
    }
  }

  /** `undefined` for null. */
  #hash(json: Buffer, { valueStart, end }: Part): string | undefined {
    // Of all values that JSON.parse accepts only null begins with an n.
    if (json[valueStart] === 0x6e) return undefined;
    const hash = createHmac("sha256", this.#secret)
      .update(valueText(json, valueStart, end))
      .digest("hex");
    return `"${hash.slice(0, HASH_DIGITS)}"`;
  }
}

function emptyNode(): Node {
  return { action: undefined, isBase64: false, below: new Map() };
}

/** CloudEvents lets the same data be in `data` or, in base64, in another member. */
function forBase64({ steps, action }: RedactRule): RedactRule[] {
  return steps[0] === "data" ? [{ steps: [BASE64, ...steps.slice(1)], action }] : [];
}

function isRemoved(part: Part | undefined): boolean {
  return part !== undefined && part.nodes.some(({ action }) => action === "remove");
}

/** The stretch of some parts in a row, with the commas that go with them. */
function cutOf(parts: readonly Part[], first: number, last: number): Edit {
  const after = parts[last + 1];
  const before = parts[first - 1];
  const start = after === undefined && before !== undefined ? before.end : (parts[first]?.start ?? 0);
  return { start, end: after?.start ?? parts[last]?.end ?? start, text: "" };
}

function membersBelow(json: Buffer, start: number, end: number, nodes: readonly Node[]): Part[] | undefined {
  return scanMembers(json, start, end)?.map((member: ScannedMember) => ({
    start: member.keyStart,
    valueStart: member.valueStart,
    end: member.valueEnd,
    nodes: nodesBelow(nodes, memberName(json, member)),
  }));
}

function elementsBelow(json: Buffer, start: number, end: number, nodes: readonly Node[]): Part[] | undefined {
  const elements = scanElements(json, start, end, Number.MAX_SAFE_INTEGER);
  return elements?.map((element, index) => ({
    start: element.start,
    valueStart: element.start,
    end: element.end,
    nodes: nodesBelow(nodes, String(index)),
  }));
}

function nodesBelow(nodes: readonly Node[], name: string): Node[] {
  const found: Node[] = [];
  for (const { below } of nodes) {
    const named = below.get(name);
    const every = below.get(EVERY);
    if (named !== undefined) found.push(named);
    if (every !== undefined && every !== named) found.push(every);
  }
  return found;
}
