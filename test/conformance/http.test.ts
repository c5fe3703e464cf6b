import { httpConfig } from "../../src/sinks/http/config.ts";
import { createHttpSink } from "../../src/sinks/http/sink.ts";
import { HttpReceiver } from "../kit/http-receiver.ts";
import { describeSinkConformance, type SinkHarness } from "./sink-conformance.ts";

async function openHarness(change: { format: string; compression?: string }): Promise<SinkHarness> {
  const receiver = await HttpReceiver.start();
  const config = httpConfig.parse({
    name: "hook",
    type: "http",
    url: receiver.url,
    batch: { maxEvents: 60, maxBytes: "256KiB" },
    ...change,
  });
  const sink = createHttpSink(config);
  return {
    sink,
    delivered: async () => receiver.requests.flatMap(({ body }) => eventsIn(body, change.format)),
    async countedBytes() {
      let bytes = 0;
      // An array has one byte more than is counted for its events; the limit leaves it out.
      for (const { body } of receiver.requests) bytes += body.length - (change.format === "ndjson" ? 0 : 1);
      return bytes;
    },
    breakDestination: () => receiver.down(),
    repairDestination: () => receiver.up(),
    async stallDestination() {
      receiver.answer = () => undefined;
    },
    async [Symbol.asyncDispose]() {
      await receiver.down();
      await sink.close();
    },
  };
}

/** The events of the suite have no line ends, and are told apart by what each begins with. */
function eventsIn(body: Buffer, format: string): Buffer[] {
  const text = body.toString("latin1");
  const lines = format === "ndjson" ? text.split("\n").slice(0, -1) : text.slice(1, -1).split(/,(?=\{"(?:n|data)":)/);
  return lines.filter((line) => line !== "").map((line) => Buffer.from(line, "latin1"));
}

describeSinkConformance("http, lines", () => openHarness({ format: "ndjson" }));
describeSinkConformance("http, an array, compressed", () => openHarness({ format: "json", compression: "gzip" }));
describeSinkConformance("http, a CloudEvents batch", () => openHarness({ format: "cloudevents" }));
