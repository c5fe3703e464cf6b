/** What tests ask of imitations of AWS beside the sinks: to make things, and to tell what they hold. Unsigned: they do not look. */
export interface AwsServer {
  readonly url: string;
}

const CREDENTIAL = "Credential=test/20260101/us-east-1";

/** A call of a service that speaks AWS JSON. Throws when it fails. */
export async function awsJsonCall<Reply>(
  server: AwsServer,
  service: string,
  target: string,
  body: object,
  version: "1.0" | "1.1" = "1.1",
): Promise<Reply> {
  const reply = await fetch(server.url, {
    method: "POST",
    headers: {
      "content-type": `application/x-amz-json-${version}`,
      "x-amz-target": target,
      authorization: `AWS4-HMAC-SHA256 ${CREDENTIAL}/${service}/aws4_request, SignedHeaders=host, Signature=0`,
    },
    body: JSON.stringify(body),
  });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`${target}: ${reply.status} ${text}`);
  return JSON.parse(text === "" ? "{}" : text) as Reply;
}

/** A call of a service that speaks the Query protocol. Returns the XML; throws when it fails. */
export async function awsQueryCall(
  server: AwsServer,
  service: string,
  fields: Record<string, string>,
): Promise<string> {
  const reply = await fetch(server.url, {
    method: "POST",
    headers: {
      "content-type": "application/x-www-form-urlencoded",
      authorization: `AWS4-HMAC-SHA256 ${CREDENTIAL}/${service}/aws4_request, SignedHeaders=host, Signature=0`,
    },
    body: new URLSearchParams(fields).toString(),
  });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`${fields["Action"]}: ${reply.status} ${text}`);
  return text;
}

/** Makes a queue; returns its URL. */
export async function createQueue(server: AwsServer, name: string, attributes: object = {}): Promise<string> {
  const body = { QueueName: name, Attributes: { ...attributes, ...(name.endsWith(".fifo") && { FifoQueue: "true" }) } };
  const { QueueUrl } = await awsJsonCall<{ QueueUrl: string }>(server, "sqs", "AmazonSQS.CreateQueue", body, "1.0");
  // fauxqs names a host that no URL can have: what it looks at is the end.
  return `${server.url}/${QueueUrl.split("/").slice(-2).join("/")}`;
}

export interface QueueMessage {
  readonly Body: string;
  readonly ReceiptHandle: string;
  readonly Attributes?: Readonly<Record<string, string>>;
}

/** Takes every message that the queue has. */
export async function drainQueue(server: AwsServer, queueUrl: string): Promise<QueueMessage[]> {
  const taken: QueueMessage[] = [];
  for (let round = 0; round < 2_000; round++) {
    const ask = { QueueUrl: queueUrl, MaxNumberOfMessages: 10, AttributeNames: ["All"] };
    const { Messages: messages = [] } = await awsJsonCall<{ Messages?: QueueMessage[] }>(
      server,
      "sqs",
      "AmazonSQS.ReceiveMessage",
      ask,
      "1.0",
    );
    if (messages.length === 0) return taken;
    taken.push(...messages);
    const entries = messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
    const done = { QueueUrl: queueUrl, Entries: entries };
    await awsJsonCall(server, "sqs", "AmazonSQS.DeleteMessageBatch", done, "1.0");
  }
  throw new Error("the queue does not end");
}

/** Makes a topic; returns its ARN. */
export async function createTopic(server: AwsServer, name: string): Promise<string> {
  const fifo = { "Attributes.entry.1.key": "FifoTopic", "Attributes.entry.1.value": "true" };
  const fields = { Action: "CreateTopic", Version: "2010-03-31", Name: name, ...(name.endsWith(".fifo") && fifo) };
  return textOf(await awsQueryCall(server, "sns", fields), "TopicArn");
}

/** Has a queue of the account get what is published, as it was published. */
export async function subscribeQueue(
  server: AwsServer,
  topicArn: string,
  queueName: string,
  filterPolicy?: object,
): Promise<void> {
  const policy = { "Attributes.entry.2.key": "FilterPolicy", "Attributes.entry.2.value": JSON.stringify(filterPolicy) };
  await awsQueryCall(server, "sns", {
    Action: "Subscribe",
    Version: "2010-03-31",
    TopicArn: topicArn,
    Protocol: "sqs",
    Endpoint: queueArn(topicArn.split(":")[4] ?? "", queueName),
    "Attributes.entry.1.key": "RawMessageDelivery",
    "Attributes.entry.1.value": "true",
    ...(filterPolicy && policy),
  });
}

export function queueArn(account: string, name: string): string {
  return `arn:aws:sqs:us-east-1:${account}:${name}`;
}

function textOf(xml: string, name: string): string {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? "";
}

/** Makes an event bus with a rule that has a queue get what matches. */
export async function routeBus(server: AwsServer, bus: string, pattern: object, queueName: string): Promise<void> {
  const call = (operation: string, body: object) => awsJsonCall(server, "events", `AWSEvents.${operation}`, body);
  await call("CreateEventBus", { Name: bus });
  await call("PutRule", { Name: "all", EventBusName: bus, EventPattern: JSON.stringify(pattern) });
  const target = { Id: "queue", Arn: queueArn("123456789012", queueName) };
  await call("PutTargets", { Rule: "all", EventBusName: bus, Targets: [target] });
}

export async function createFirehoseStream(server: AwsServer, stream: string, bucket: string): Promise<void> {
  const destination = { RoleARN: "arn:aws:iam::123456789012:role/firehose", BucketARN: `arn:aws:s3:::${bucket}` };
  await awsJsonCall(server, "firehose", "Firehose_20150804.CreateDeliveryStream", {
    DeliveryStreamName: stream,
    DeliveryStreamType: "DirectPut",
    ExtendedS3DestinationConfiguration: destination,
  });
}
