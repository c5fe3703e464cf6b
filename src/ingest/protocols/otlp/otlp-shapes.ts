/**
 * The messages of opentelemetry-proto 1.x that requests are made of: the numbers, names and types
 * of their fields, as https://github.com/open-telemetry/opentelemetry-proto has them. Names are
 * those of OTLP's JSON. Requests, and the lists in them down to records, spans and metrics, are not
 * here: they have the same numbers for all signals, and are walked through piece by piece.
 */

/** How a field's value is written in protobuf, and printed in JSON. `hex`: bytes that JSON has in hexadecimal. */
export type FieldKind =
  | "string"
  | "bytes"
  | "hex"
  | "bool"
  | "double"
  | "fixed32"
  | "fixed64"
  | "sfixed64"
  | "int64"
  | "uint64"
  | "int32"
  | "uint32"
  | "sint32";

export interface Field {
  readonly name: string;
  /** A thunk is a message: messages hold each other. */
  readonly type: FieldKind | (() => Shape);
  readonly repeated: boolean;
}

/** Fields by number. */
export type Shape = readonly (Field | undefined)[];

type Fields = Readonly<Record<number, readonly [name: string, type: Field["type"], repeated?: "repeated"]>>;

function shape(fields: Fields): Shape {
  const byNumber: (Field | undefined)[] = [];
  for (const [number, [name, type, repeated]] of Object.entries(fields)) {
    byNumber[Number(number)] = { name, type, repeated: repeated !== undefined };
  }
  return byNumber;
}

const anyValue: Shape = shape({
  1: ["stringValue", "string"],
  2: ["boolValue", "bool"],
  3: ["intValue", "int64"],
  4: ["doubleValue", "double"],
  5: ["arrayValue", () => arrayValue],
  6: ["kvlistValue", () => keyValueList],
  7: ["bytesValue", "bytes"],
});
const arrayValue = shape({ 1: ["values", () => anyValue, "repeated"] });
const keyValue = shape({ 1: ["key", "string"], 2: ["value", () => anyValue] });
const keyValueList = shape({ 1: ["values", () => keyValue, "repeated"] });
const entityRef = shape({
  1: ["schemaUrl", "string"],
  2: ["type", "string"],
  3: ["idKeys", "string", "repeated"],
  4: ["descriptionKeys", "string", "repeated"],
});
const resource = shape({
  1: ["attributes", () => keyValue, "repeated"],
  2: ["droppedAttributesCount", "uint32"],
  3: ["entityRefs", () => entityRef, "repeated"],
});
const scope = shape({
  1: ["name", "string"],
  2: ["version", "string"],
  3: ["attributes", () => keyValue, "repeated"],
  4: ["droppedAttributesCount", "uint32"],
});

/** `ResourceLogs`, `ResourceSpans` and `ResourceMetrics` without their list, which is field 2. */
export const RESOURCE_SHAPE = shape({ 1: ["resource", () => resource], 3: ["schemaUrl", "string"] });

/** `ScopeLogs`, `ScopeSpans` and `ScopeMetrics` without their list, which is field 2. */
export const SCOPE_SHAPE = shape({ 1: ["scope", () => scope], 3: ["schemaUrl", "string"] });

export const LOG_RECORD_SHAPE = shape({
  1: ["timeUnixNano", "fixed64"],
  2: ["severityNumber", "int32"],
  3: ["severityText", "string"],
  5: ["body", () => anyValue],
  6: ["attributes", () => keyValue, "repeated"],
  7: ["droppedAttributesCount", "uint32"],
  8: ["flags", "fixed32"],
  9: ["traceId", "hex"],
  10: ["spanId", "hex"],
  11: ["observedTimeUnixNano", "fixed64"],
  12: ["eventName", "string"],
});

const spanEvent = shape({
  1: ["timeUnixNano", "fixed64"],
  2: ["name", "string"],
  3: ["attributes", () => keyValue, "repeated"],
  4: ["droppedAttributesCount", "uint32"],
});
const spanLink = shape({
  1: ["traceId", "hex"],
  2: ["spanId", "hex"],
  3: ["traceState", "string"],
  4: ["attributes", () => keyValue, "repeated"],
  5: ["droppedAttributesCount", "uint32"],
  6: ["flags", "fixed32"],
});
const spanStatus = shape({ 2: ["message", "string"], 3: ["code", "int32"] });

export const SPAN_SHAPE = shape({
  1: ["traceId", "hex"],
  2: ["spanId", "hex"],
  3: ["traceState", "string"],
  4: ["parentSpanId", "hex"],
  5: ["name", "string"],
  6: ["kind", "int32"],
  7: ["startTimeUnixNano", "fixed64"],
  8: ["endTimeUnixNano", "fixed64"],
  9: ["attributes", () => keyValue, "repeated"],
  10: ["droppedAttributesCount", "uint32"],
  11: ["events", () => spanEvent, "repeated"],
  12: ["droppedEventsCount", "uint32"],
  13: ["links", () => spanLink, "repeated"],
  14: ["droppedLinksCount", "uint32"],
  15: ["status", () => spanStatus],
  16: ["flags", "fixed32"],
});

const exemplar = shape({
  2: ["timeUnixNano", "fixed64"],
  3: ["asDouble", "double"],
  4: ["spanId", "hex"],
  5: ["traceId", "hex"],
  6: ["asInt", "sfixed64"],
  7: ["filteredAttributes", () => keyValue, "repeated"],
});
const numberDataPoint = shape({
  2: ["startTimeUnixNano", "fixed64"],
  3: ["timeUnixNano", "fixed64"],
  4: ["asDouble", "double"],
  5: ["exemplars", () => exemplar, "repeated"],
  6: ["asInt", "sfixed64"],
  7: ["attributes", () => keyValue, "repeated"],
  8: ["flags", "uint32"],
});
const histogramDataPoint = shape({
  2: ["startTimeUnixNano", "fixed64"],
  3: ["timeUnixNano", "fixed64"],
  4: ["count", "fixed64"],
  5: ["sum", "double"],
  6: ["bucketCounts", "fixed64", "repeated"],
  7: ["explicitBounds", "double", "repeated"],
  8: ["exemplars", () => exemplar, "repeated"],
  9: ["attributes", () => keyValue, "repeated"],
  10: ["flags", "uint32"],
  11: ["min", "double"],
  12: ["max", "double"],
});
const buckets = shape({ 1: ["offset", "sint32"], 2: ["bucketCounts", "uint64", "repeated"] });
const exponentialDataPoint = shape({
  1: ["attributes", () => keyValue, "repeated"],
  2: ["startTimeUnixNano", "fixed64"],
  3: ["timeUnixNano", "fixed64"],
  4: ["count", "fixed64"],
  5: ["sum", "double"],
  6: ["scale", "sint32"],
  7: ["zeroCount", "fixed64"],
  8: ["positive", () => buckets],
  9: ["negative", () => buckets],
  10: ["flags", "uint32"],
  11: ["exemplars", () => exemplar, "repeated"],
  12: ["min", "double"],
  13: ["max", "double"],
  14: ["zeroThreshold", "double"],
});
const quantile = shape({ 1: ["quantile", "double"], 2: ["value", "double"] });
const summaryDataPoint = shape({
  2: ["startTimeUnixNano", "fixed64"],
  3: ["timeUnixNano", "fixed64"],
  4: ["count", "fixed64"],
  5: ["sum", "double"],
  6: ["quantileValues", () => quantile, "repeated"],
  7: ["attributes", () => keyValue, "repeated"],
  8: ["flags", "uint32"],
});
const gauge = shape({ 1: ["dataPoints", () => numberDataPoint, "repeated"] });
const sum = shape({
  1: ["dataPoints", () => numberDataPoint, "repeated"],
  2: ["aggregationTemporality", "int32"],
  3: ["isMonotonic", "bool"],
});
const histogram = shape({
  1: ["dataPoints", () => histogramDataPoint, "repeated"],
  2: ["aggregationTemporality", "int32"],
});
const exponentialHistogram = shape({
  1: ["dataPoints", () => exponentialDataPoint, "repeated"],
  2: ["aggregationTemporality", "int32"],
});
const summary = shape({ 1: ["dataPoints", () => summaryDataPoint, "repeated"] });

export const METRIC_SHAPE = shape({
  1: ["name", "string"],
  2: ["description", "string"],
  3: ["unit", "string"],
  5: ["gauge", () => gauge],
  7: ["sum", () => sum],
  9: ["histogram", () => histogram],
  10: ["exponentialHistogram", () => exponentialHistogram],
  11: ["summary", () => summary],
  12: ["metadata", () => keyValue, "repeated"],
});
