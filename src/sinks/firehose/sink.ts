import { type AwsContext, openTransport } from "../../aws/open-transport.ts";
import { type ServiceDialect, ServiceSink } from "../../aws/service-sink.ts";
import { awsJson } from "../../aws/signed-transport.ts";
import type { Sink } from "../../core/sink.ts";
import type { FirehoseConfig } from "./config.ts";
import { encodeRecords, firehoseLimits, lineBytes, packRecords } from "./encode.ts";
import { FIREHOSE_ERRORS, problemsOfStream, readPutRecordBatchReply } from "./response.ts";

/** Delivers events to an Amazon Data Firehose stream, as lines packed into records. */
export function createFirehoseSink(config: FirehoseConfig, context: AwsContext): Sink {
  const { name, stream, compression } = config;
  const dialect: ServiceDialect = {
    type: "firehose",
    limits: firehoseLimits(config),
    eventBytes: (event) => lineBytes(event, compression),
    async encode(batch) {
      const records = packRecords(batch, config);
      const body = await encodeRecords(stream, records, compression);
      return {
        request: awsJson("Firehose_20150804.PutRecordBatch", body),
        read: (reply) => readPutRecordBatchReply(reply, records),
      };
    },
    errors: FIREHOSE_ERRORS,
    destination: `the Firehose stream ${stream}`,
    look: awsJson(
      "Firehose_20150804.DescribeDeliveryStream",
      Buffer.from(JSON.stringify({ DeliveryStreamName: stream })),
    ),
    problemsOf: problemsOfStream,
  };
  return new ServiceSink(name, dialect, openTransport("firehose", config.region, config, context));
}
