import type { Protocol, ProtocolEndpoint } from "../protocol.ts";
import { answerOtlp, encodingOf, OTLP_MEDIA_TYPES, otlpProblem } from "./otlp-answer.ts";
import { readOtlp } from "./read-otlp.ts";
import { type Signal, SIGNALS } from "./signal.ts";

/** OTLP/HTTP 1.x, which the SDKs and collectors of OpenTelemetry send: logs, traces and metrics, in JSON and protobuf. */
export const otlpProtocol: Protocol = { name: "otlp", endpoints: SIGNALS.map(endpointOf) };

function endpointOf(signal: Signal): ProtocolEndpoint {
  return {
    path: signal.path,
    methods: ["POST"],
    mediaTypes: OTLP_MEDIA_TYPES,
    readerOf(head) {
      const encoding = encodingOf(head);
      return encoding && ((body, limits) => readOtlp(body, encoding, signal, limits));
    },
    answer: (exchange, taken) => answerOtlp(exchange, taken, signal),
    problemForm: otlpProblem,
  };
}
