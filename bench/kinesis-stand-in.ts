// The destination of the benchmark, in a process of its own so that its CPU time is not counted.
import { startKinesisStandIn } from "../src/testing.ts";

const standIn = await startKinesisStandIn({ keepRecords: false });
console.log(JSON.stringify({ port: Number(new URL(standIn.url).port) }));
