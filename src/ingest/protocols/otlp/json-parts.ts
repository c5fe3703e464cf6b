import { isUtf8 } from "node:buffer";
import type { ValidationProblem } from "../../../core/validation.ts";
import { scanValue, skipSpace, trimEnd } from "../../../core/json-scan.ts";
import { brokenLimit } from "../event-limits.ts";
import type { EventLimits, UnreadableBody } from "../incoming-event.ts";
import { findJsonFault } from "../json-fault.ts";
import { explainJson, explainUtf8 } from "../text-fault.ts";
import { elementsOf, JsonFault, membersOf, type Range } from "./json-walk.ts";
import {
  invalidOtlp,
  limitsOfParts,
  type Parts,
  PartsFault,
  SmallParts,
  type Surroundings,
  tooManyGroups,
} from "./part.ts";
import { type Signal, SIGNALS } from "./signal.ts";
import { markBytes } from "../text-start.ts";
import { isObject } from "../json-object.ts";

const LONG_BYTES = 256 * 1024;

/** Of a request, a resource or a scope, each of which has three. Objects with more are something else. */
const MAX_MEMBERS = 50;

/**
 * Takes a request in JSON apart, record by record, by scanning its bytes: they are kept as they are,
 * and no more than one record is parsed at a time. Members that OTLP does not have stay with their
 * record, their resource or their scope.
 */
export function* jsonParts(body: Buffer, signal: Signal, limits: EventLimits): Parts {
  if (!isUtf8(body)) return { kind: "unreadable", code: "invalid_utf8", detail: explainUtf8(body) };
  const start = skipSpace(body, markBytes(body), body.length);
  const end = trimEnd(body, start, body.length);
  if (start === end) {
    const detail = 'The body is empty; an OTLP request in JSON that has nothing to tell is "{}".';
    return { kind: "unreadable", code: "empty_body", detail };
  }
  try {
    return yield* new JsonRequest(body, signal, limitsOfParts(limits)).parts({ start, end });
  } catch (error) {
    if (error instanceof PartsFault) return error.body;
    if (!(error instanceof JsonFault)) throw error;
    return invalidJson(body);
  }
}

class JsonRequest {
  readonly #body: Buffer;
  readonly #signal: Signal;
  readonly #limits: EventLimits;

  constructor(body: Buffer, signal: Signal, limits: EventLimits) {
    this.#body = body;
    this.#signal = signal;
    this.#limits = limits;
  }

  *parts(request: Range): Parts {
    const { resources, scopes, items } = this.#signal;
    const { list, rest } = this.#split(request, resources, "The body");
    if (isLong(request)) yield undefined;
    if (list === undefined && rest.length > 0) throw new PartsFault(invalidOtlp(this.#notThisSignal(rest)));
    const seen = new SmallParts(this.#limits);
    let groups = 0;
    for (const one of this.#list(list)) {
      if (++groups > this.#limits.maxEventsPerRequest) return tooManyGroups(this.#limits);
      if (isLong(one)) yield undefined;
      const inResource = this.#split(one, scopes, `An element of \`${resources}\``);
      if (isLong(one)) yield undefined;
      const resource = this.#surroundings(inResource.rest);
      for (const two of this.#list(inResource.list)) {
        if (++groups > this.#limits.maxEventsPerRequest) return tooManyGroups(this.#limits);
        if (isLong(two)) yield undefined;
        const inScope = this.#split(two, items, `An element of \`${scopes}\``);
        if (isLong(two)) yield undefined;
        const scope = this.#surroundings(inScope.rest);
        for (const item of this.#list(inScope.list)) {
          seen.count();
          const raw = this.#body.subarray(item.start, item.end);
          const value = resource.problem ?? scope.problem ?? this.#item(item);
          if (isProblem(value)) yield { resource, scope, raw, value: {}, problem: value };
          else yield { resource, scope, raw, value: value.object };
        }
      }
    }
    return undefined;
  }

  /** The list in an object, and the text of its other members. */
  #split(
    object: Range,
    listName: string,
    what: string,
  ): { readonly list: Range | undefined; readonly rest: readonly string[] } {
    if (this.#body[object.start] !== 0x7b) throw this.#wrongKind(object, `${what} must be an object.`);
    let list: Range | undefined;
    const rest: string[] = [];
    let members = 0;
    for (const { key, value } of membersOf(this.#body, object.start, object.end)) {
      if (++members > MAX_MEMBERS) throw new PartsFault(invalidOtlp(`${what} has more than ${MAX_MEMBERS} members.`));
      // Of members with the same name the last counts, as for JSON.parse.
      if (this.#text(key) === `"${listName}"`) list = value;
      else rest.push(`${this.#text(key)}:${this.#text(value)}`);
    }
    // Null is how JSON writes a field that is not there.
    if (list === undefined || this.#text(list) === "null") return { list: undefined, rest };
    if (this.#body[list.start] !== 0x5b) throw this.#wrongKind(list, `\`${listName}\` must be an array.`);
    return { list, rest };
  }

  *#list(list: Range | undefined): Generator<Range> {
    if (list !== undefined) yield* elementsOf(this.#body, list.start, list.end);
  }

  #surroundings(rest: readonly string[]): Surroundings {
    const json = rest.join(",");
    const bytes = Buffer.from(`{${json}}`);
    const problem = brokenLimit(scanValue(bytes, 0, bytes.length), this.#limits);
    if (problem !== undefined) return { json: "", members: {}, problem };
    return { json, members: this.#object(bytes, 0, bytes.length) ?? {} };
  }

  #item({ start, end }: Range): ValidationProblem | { readonly object: Readonly<Record<string, unknown>> } {
    const problem = brokenLimit(scanValue(this.#body, start, end), this.#limits);
    if (problem !== undefined) return problem;
    const object = this.#object(this.#body, start, end);
    if (object !== undefined) return { object };
    const message = `An element of \`${this.#signal.items}\` must be an object.`;
    return { code: "type", pointer: "", message, expected: "an object" };
  }

  /** `undefined` when it is something else. */
  #object(bytes: Buffer, start: number, end: number): Readonly<Record<string, unknown>> | undefined {
    const value = parse(bytes.toString("utf8", start, end));
    if (value === undefined) throw new JsonFault();
    return isObject(value) ? value : undefined;
  }

  #notThisSignal(rest: readonly string[]): string {
    const { resources } = this.#signal;
    const names = new Set(rest.map((member) => member.slice(0, member.indexOf(":"))));
    const other = SIGNALS.find((signal) => names.has(`"${signal.resources}"`));
    if (other !== undefined) return `The body holds \`${other.resources}\`; send it to ${other.path}.`;
    return `The body has no \`${resources}\`, so it is not what ${this.#signal.path} takes. Members are named in lower camel case.`;
  }

  /** Of what is not even JSON that is said, and not that it is the wrong kind of it. Not parsed: nothing bounds it. */
  #wrongKind(range: Range, detail: string): Error {
    return findJsonFault(this.#text(range)) !== undefined ? new JsonFault() : new PartsFault(invalidOtlp(detail));
  }

  #text({ start, end }: Range): string {
    return this.#body.toString("utf8", start, end);
  }
}

/** Whether it took milliseconds to look through it. */
function isLong({ start, end }: Range): boolean {
  return end - start > LONG_BYTES;
}

function isProblem(value: ValidationProblem | { readonly object: unknown }): value is ValidationProblem {
  return "code" in value;
}

/** `undefined`, which no JSON is, when the text is not JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function invalidJson(body: Buffer): UnreadableBody {
  const text = body.toString("utf8", markBytes(body));
  return { kind: "unreadable", code: "invalid_json", detail: explainJson(text) };
}
