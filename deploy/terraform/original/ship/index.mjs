// What the original's function did, in short, with what is wrong about it: one record that cannot
// be sent fails the whole batch, and the batch is sent again and again until the record expires.
import { KinesisClient, PutRecordsCommand } from "@aws-sdk/client-kinesis";

const kinesis = new KinesisClient();

export async function handler({ Records }) {
  const events = Records.map(({ kinesis: { data } }) => JSON.parse(Buffer.from(data, "base64").toString()));
  const valid = events.filter(({ type }) => typeof type === "string");
  console.log(JSON.stringify({ events: events.length, invalid: events.length - valid.length }));
  for (let at = 0; at < valid.length; at += 500) {
    await kinesis.send(
      new PutRecordsCommand({
        StreamName: process.env.NOTIFICATIONS,
        Records: valid.slice(at, at + 500).map((event) => ({
          Data: Buffer.from(JSON.stringify(event)),
          PartitionKey: String(event.id),
        })),
      }),
    );
  }
}
