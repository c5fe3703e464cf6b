import { parse, type Type } from "protobufjs";

/**
 * Messages of OTLP as protobufjs writes them, which shares nothing with what reads them here but the
 * numbers of opentelemetry-proto. Of spans and metrics it has what tests send.
 */
const { root } = parse(`
  syntax = "proto3";
  message AnyValue {
    oneof value {
      string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4;
      ArrayValue array_value = 5; KeyValueList kvlist_value = 6; bytes bytes_value = 7;
    }
  }
  message ArrayValue { repeated AnyValue values = 1; }
  message KeyValueList { repeated KeyValue values = 1; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message Resource { repeated KeyValue attributes = 1; uint32 dropped_attributes_count = 2; }
  message Scope { string name = 1; string version = 2; repeated KeyValue attributes = 3; }
  message LogRecord {
    fixed64 time_unix_nano = 1; int32 severity_number = 2; string severity_text = 3; AnyValue body = 5;
    repeated KeyValue attributes = 6; uint32 dropped_attributes_count = 7; fixed32 flags = 8;
    bytes trace_id = 9; bytes span_id = 10; fixed64 observed_time_unix_nano = 11; string event_name = 12;
  }
  message ScopeLogs { Scope scope = 1; repeated LogRecord log_records = 2; string schema_url = 3; }
  message ResourceLogs { Resource resource = 1; repeated ScopeLogs scope_logs = 2; string schema_url = 3; }
  message LogsRequest { repeated ResourceLogs resource_logs = 1; }

  message SpanEvent { fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3; }
  message SpanStatus { string message = 2; int32 code = 3; }
  message Span {
    bytes trace_id = 1; bytes span_id = 2; bytes parent_span_id = 4; string name = 5; int32 kind = 6;
    fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8; repeated KeyValue attributes = 9;
    repeated SpanEvent events = 11; SpanStatus status = 15; fixed32 flags = 16;
  }
  message ScopeSpans { Scope scope = 1; repeated Span spans = 2; string schema_url = 3; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; string schema_url = 3; }
  message TracesRequest { repeated ResourceSpans resource_spans = 1; }

  message PartialSuccess { int64 rejected = 1; string error_message = 2; }
  message ExportResponse { PartialSuccess partial_success = 1; }
  message Status { int32 code = 1; string message = 2; }

  message NumberDataPoint { fixed64 time_unix_nano = 3; double as_double = 4; sfixed64 as_int = 6; uint32 flags = 8; }
  message Sum { repeated NumberDataPoint data_points = 1; int32 aggregation_temporality = 2; bool is_monotonic = 3; }
  message Buckets { sint32 offset = 1; repeated uint64 bucket_counts = 2; }
  message ExponentialDataPoint {
    fixed64 count = 4; double sum = 5; sint32 scale = 6; fixed64 zero_count = 7; Buckets positive = 8;
    Buckets negative = 9; double zero_threshold = 14;
  }
  message ExponentialHistogram { repeated ExponentialDataPoint data_points = 1; int32 aggregation_temporality = 2; }
  message Quantile { double quantile = 1; double value = 2; }
  message SummaryDataPoint { fixed64 count = 4; double sum = 5; repeated Quantile quantile_values = 6; }
  message Summary { repeated SummaryDataPoint data_points = 1; }
  message Metric {
    string name = 1; string unit = 3; Sum sum = 7; ExponentialHistogram exponential_histogram = 10;
    Summary summary = 11; repeated KeyValue metadata = 12;
  }
  message ScopeMetrics { Scope scope = 1; repeated Metric metrics = 2; string schema_url = 3; }
  message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scope_metrics = 2; string schema_url = 3; }
  message MetricsRequest { repeated ResourceMetrics resource_metrics = 1; }
`);

function typeNamed(name: string): Type {
  return root.lookupType(name);
}

/** The bytes of a message that is given in the JSON of OTLP. */
export function protobufOf(name: string, json: unknown): Buffer {
  const type = typeNamed(name);
  return Buffer.from(type.encode(type.fromObject(withBytes(json) as Record<string, unknown>)).finish());
}

export function decoded(name: string, bytes: Uint8Array): unknown {
  const type = typeNamed(name);
  return type.toObject(type.decode(bytes), { longs: String });
}

/** Ids are hexadecimal in OTLP's JSON, where protobufjs takes strings for base64. */
function withBytes(value: unknown, name = ""): unknown {
  if (typeof value === "string" && /^(traceId|spanId|parentSpanId)$/.test(name)) return Buffer.from(value, "hex");
  if (Array.isArray(value)) return value.map((each) => withBytes(each));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withBytes(each, key)]));
}
