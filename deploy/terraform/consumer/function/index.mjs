import { createHandler } from "millrace/lambda";

const region = process.env.AWS_REGION;

export const handler = createHandler({
  sinks: [
    { name: "notifications", type: "kinesis", stream: process.env.NOTIFICATIONS, region, when: 'type == "order.paid"' },
    { name: "search", type: "opensearch", url: process.env.SEARCH_URL },
  ],
  deadLetters: { name: "dead-letters", type: "sqs", queueUrl: process.env.DEAD_LETTERS, region },
});
