import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { Encoder, ExtData } from "@msgpack/msgpack";
import { expect, test } from "vitest";
import { temporaryDir } from "../kit/collector-process.ts";
import { waitFor } from "../kit/wait-for.ts";
import { type ClientRig, startClientRig } from "./client-rig.ts";
import { conforms } from "./conformance.ts";

/** What the shippers' documentation and sources say that they send. The programs themselves run below, where they can be had. */

async function post(rig: ClientRig, headers: Record<string, string>, body: string | Buffer): Promise<number> {
  const answer = await fetch(`${rig.origin}/v1/records`, { method: "POST", headers, body: Buffer.from(body) });
  return answer.status;
}

const BASIC = `Basic ${Buffer.from("wk_app:x").toString("base64")}`;
const SECONDS = 1_769_860_800;

function eventTime(nanos: number): ExtData {
  const data = Buffer.alloc(8);
  data.writeUInt32BE(SECONDS, 0);
  data.writeUInt32BE(nanos, 4);
  return new ExtData(0, data);
}

test("the forms of Vector's http sink are read", async () => {
  await using rig = await startClientRig();
  const bearer = { authorization: "Bearer wk_app" };
  const line = (n: number): string =>
    `{"host":"a","message":"m${n}","source_type":"demo_logs","timestamp":"2026-01-31T12:00:00.00000000${n}Z"}`;
  const ndjson = { ...bearer, "content-type": "application/x-ndjson" };
  const statuses = [
    await post(rig, ndjson, `${line(1)}\n${line(2)}\n`),
    await post(rig, { ...bearer, "content-type": "application/json" }, `[${line(3)},${line(4)}]`),
    await post(rig, { ...ndjson, "content-encoding": "gzip" }, gzipSync(`${line(5)}\n`)),
  ];
  expect(statuses).toEqual([201, 201, 201]);
  const events = await rig.arrived(5);
  expect(events.map(({ type, time, data }) => [type, time, data])).toEqual(
    [1, 2, 3, 4, 5].map((n) => ["log", `2026-01-31T12:00:00.00000000${n}Z`, JSON.parse(line(n))]),
  );
  await conforms("vector-http", {
    protocol: "logs",
    client: "Vector, sink http (requests as documented; the program was not run)",
    sent: "5 records: newline_delimited, JSON array, gzip; bearer token",
    arrived: "5 events with the record as data and its timestamp, to the nanosecond, as time",
    clientSaw: "201",
  });
});

test("the forms of Fluent Bit's http output are read", async () => {
  await using rig = await startClientRig();
  const common = { authorization: BASIC, "fluent-tag": "kube.shop", "user-agent": "Fluent-Bit" };
  const json = { ...common, "content-type": "application/json" };
  const record = (n: number): string => `{"date":${SECONDS}.00000${n},"log":"l${n}"}`;
  const msgpack = new Encoder();
  const entries = [
    [[eventTime(7_000), {}], { log: "l7" }],
    [eventTime(8_000), { log: "l8" }],
  ].map((entry) => msgpack.encode(entry));
  const statuses = [
    await post(rig, json, `[${record(1)},${record(2)}]`),
    await post(rig, { ...common, "content-type": "application/x-ndjson" }, `${record(3)}\n${record(4)}\n`),
    await post(rig, json, `${record(5)}${record(6)}`),
    await post(rig, { ...common, "content-type": "application/msgpack" }, Buffer.concat(entries)),
  ];
  expect(statuses).toEqual([201, 201, 201, 201]);
  const events = await rig.arrived(8);
  expect(events.map(({ type, tag, time, data }) => [type, tag, time, (data as { log: string }).log])).toEqual(
    [1, 2, 3, 4, 5, 6, 7, 8].map((n) => ["kube.shop", "kube.shop", `2026-01-31T12:00:00.00000${n}Z`, `l${n}`]),
  );
  await conforms("fluent-bit-http", {
    protocol: "logs",
    client: "Fluent Bit, output http (requests as documented; the program was not run)",
    sent: "8 records: json, json_lines, json_stream, msgpack in two forms; Basic user name, header_tag",
    arrived: "8 events with the record as data, the tag as type, and its time to the microsecond",
    clientSaw: "201",
  });
});

test("the forms of Logstash's http output are read", async () => {
  await using rig = await startClientRig();
  const headers = { "x-write-key": "wk_app", "content-type": "application/json" };
  const event = (n: number): string =>
    `{"@timestamp":"2026-01-31T12:00:00.00${n}Z","@version":"1","message":"m${n}","event":{"sequence":${n}}}`;
  expect(await post(rig, headers, event(1))).toBe(201);
  expect(await post(rig, headers, `[${event(2)},${event(3)}]`)).toBe(201);
  const events = await rig.arrived(3);
  expect(events.map(({ type, time, data }) => [type, time, data])).toEqual(
    [1, 2, 3].map((n) => ["log", `2026-01-31T12:00:00.00${n}Z`, JSON.parse(event(n))]),
  );
  await conforms("logstash-http", {
    protocol: "logs",
    client: "Logstash, output http (requests as documented; the program was not run)",
    sent: "3 records: json, json_batch; header X-Write-Key",
    arrived: "3 events with the record as data and @timestamp as time",
    clientSaw: "201",
  });
});

interface Shipper {
  readonly program: string;
  /** Arguments that have it send three records with the member `n` and end, or run on. */
  readonly args: (rig: ClientRig, dir: string) => Promise<readonly string[]>;
}

const SHIPPERS: readonly Shipper[] = [
  {
    program: "fluent-bit",
    async args({ collector }) {
      const output = [`host=127.0.0.1`, `port=${collector.port}`, "uri=/v1/records", "format=json"];
      const input = ["-i", "dummy", "-t", "shop", "-p", 'dummy={"n":1}', "-p", "samples=3", "-p", "rate=50"];
      const options = [...output, "header_tag=Fluent-Tag", "header=X-Write-Key wk_app"].flatMap((each) => ["-p", each]);
      return [...input, "-o", "http", "-m", "*", ...options, "-f", "1"];
    },
  },
  {
    program: "vector",
    async args({ origin }, dir) {
      const file = path.join(dir, "vector.json");
      const config = {
        data_dir: dir,
        sources: { in: { type: "demo_logs", format: "shuffle", lines: ['{"n":1}'], count: 3, interval: 0.01 } },
        transforms: {
          parse: { type: "remap", inputs: ["in"], source: ". = merge(., object!(parse_json!(.message)))" },
        },
        sinks: {
          out: {
            type: "http",
            inputs: ["parse"],
            uri: `${origin}/v1/records`,
            encoding: { codec: "json" },
            framing: { method: "newline_delimited" },
            auth: { strategy: "bearer", token: "wk_app" },
            healthcheck: { enabled: false },
          },
        },
      };
      await writeFile(file, JSON.stringify(config));
      return ["--quiet", "--config-json", file];
    },
  },
  {
    program: "logstash",
    async args({ origin }, dir) {
      const pipeline = `input { generator { lines => ['{"n":1}'] count => 3 codec => json } }
output { http { url => "${origin}/v1/records" http_method => post format => json_batch headers => { "X-Write-Key" => "wk_app" } } }`;
      return ["--path.data", dir, "-e", pipeline];
    },
  },
];

const INSTALL_MS = 120_000;
/** Logstash takes its time. */
const START_MS = 120_000;

/** Why the program cannot be run; `undefined` when it can. Debian's is installed where there is one. */
function whyMissing(program: string): string | undefined {
  const exists = (): boolean => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
  if (exists()) return undefined;
  try {
    execFileSync("apt-get", ["install", "-y", "--no-install-recommends", program], {
      stdio: "pipe",
      timeout: INSTALL_MS,
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
  } catch (error) {
    return `${program} is not installed, and Debian has none: ${String(error).split("\n")[0] ?? ""}`;
  }
  return exists() ? undefined : `${program} was installed, but is not in the PATH`;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

test.for(SHIPPERS)("what $program itself sends arrives", { timeout: 300_000 }, async ({ program, args }, context) => {
  const missing = whyMissing(program);
  if (missing !== undefined) return context.skip(missing);
  await using rig = await startClientRig();
  await using dir = await temporaryDir();
  const child = spawn(program, [...(await args(rig, dir.path))], { stdio: "ignore" });
  await once(child, "spawn");
  try {
    await waitFor(async () => child.exitCode !== null || (await rig.arrived(0)).length >= 3, START_MS);
    const events = await rig.arrived(3);
    expect(events.map(({ data }) => (data as { n: number }).n)).toEqual([1, 1, 1]);
  } finally {
    await stop(child);
  }
});
