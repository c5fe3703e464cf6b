import { createHandler } from "millrace/lambda";

const region = process.env.AWS_REGION;

export const handler = createHandler({
  sinks: [
    { name: "notifications", type: "kinesis", stream: process.env.NOTIFICATIONS, region, when: 'type == "order.paid"' },
    { name: "search", type: "opensearch", urls: [process.env.SEARCH_URL], aws: { region } },
  ],
  deadLetters: { name: "dead-letters", type: "sqs", queueUrl: process.env.DEAD_LETTERS, region },
});
