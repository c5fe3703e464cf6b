import type { EventLimits } from "../incoming-event.ts";
import { RESOURCE_SHAPE, SCOPE_SHAPE, type Shape } from "./otlp-shapes.ts";
import {
  invalidOtlp,
  limitsOfParts,
  type Parts,
  PartsFault,
  SmallParts,
  type Surroundings,
  tooManyGroups,
} from "./part.ts";
import { protobufToJson } from "./protobuf-json.ts";
import { LENGTH_DELIMITED, WireFault, WireReader } from "./protobuf-wire.ts";
import type { Signal } from "./signal.ts";
import { isObject } from "../json-object.ts";

/** The list within a request, and within each resource and scope, whatever the signal. */
const RESOURCES_FIELD = 1;
const LIST_FIELD = 2;

const NOTHING: Surroundings = { json: "", members: {} };

/**
 * Takes a request in protobuf apart, record by record, without reading more than one at a time.
 * A record that is not protobuf is refused alone: where it ends is known from what surrounds it.
 */
export function* protobufParts(body: Buffer, signal: Signal, limits: EventLimits): Parts {
  try {
    return yield* resourceParts(body, signal, limitsOfParts(limits));
  } catch (error) {
    if (error instanceof PartsFault) return error.body;
    if (!(error instanceof WireFault)) throw error;
    return invalidOtlp(
      `The body is not the protobuf message that ${signal.path} takes: ${error.message}. Was it cut off, or is it JSON?`,
    );
  }
}

function* resourceParts(body: Buffer, signal: Signal, limits: EventLimits): Parts {
  const seen = new SmallParts(limits);
  let groups = 0;
  for (const [start, end] of messages(body, 0, body.length, RESOURCES_FIELD, seen)) {
    if (++groups > limits.maxEventsPerRequest) return tooManyGroups(limits);
    const resource = surroundings(body, start, end, RESOURCE_SHAPE, limits, seen);
    for (const [scopeStart, scopeEnd] of messages(body, start, end, LIST_FIELD)) {
      if (++groups > limits.maxEventsPerRequest) return tooManyGroups(limits);
      const scope = surroundings(body, scopeStart, scopeEnd, SCOPE_SHAPE, limits, seen);
      for (const [itemStart, itemEnd] of messages(body, scopeStart, scopeEnd, LIST_FIELD)) {
        const refused = resource.problem ?? scope.problem;
        const json = refused ?? protobufToJson(body, itemStart, itemEnd, signal.itemShape, limits);
        if (typeof json === "string") yield { resource, scope, raw: Buffer.from(json), value: parse(json) };
        else yield { resource, scope, raw: body.subarray(itemStart, itemEnd), value: {}, problem: json };
      }
    }
  }
  return undefined;
}

/** Where the messages of one field lie. `seen`: where nothing else has counted the fields. */
function* messages(
  bytes: Buffer,
  start: number,
  end: number,
  field: number,
  seen?: SmallParts,
): Generator<readonly [number, number]> {
  const reader = new WireReader(bytes, start, end);
  while (reader.nextField()) {
    seen?.count();
    if (reader.field !== field || reader.wireType !== LENGTH_DELIMITED) {
      reader.skip();
      continue;
    }
    const messageEnd = reader.lengthEnd();
    yield [reader.at, messageEnd];
    reader.at = messageEnd;
  }
}

/** What a message has besides its list, which is not looked into: its fields are put together and printed. */
function surroundings(
  body: Buffer,
  start: number,
  end: number,
  shape: Shape,
  limits: EventLimits,
  seen: SmallParts,
): Surroundings {
  const fields: Buffer[] = [];
  const reader = new WireReader(body, start, end);
  let bytes = 0;
  for (let at = start; reader.nextField(); at = reader.at) {
    seen.count();
    reader.skip();
    if (reader.field === LIST_FIELD) continue;
    fields.push(body.subarray(at, reader.at));
    bytes += reader.at - at;
  }
  if (bytes === 0) return NOTHING;
  const json = protobufToJson(Buffer.concat(fields, bytes), 0, bytes, shape, limits);
  return typeof json === "string" ? { json: json.slice(1, -1), members: parse(json) } : { ...NOTHING, problem: json };
}

/** Of what is printed here, and thus is JSON. */
function parse(json: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(json);
  return isObject(value) ? value : {};
}
