import { execFile } from "node:child_process";
import { appendFile, mkdir, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import pino from "pino";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { runCli } from "../../src/cli/run-cli.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { Sink } from "../../src/core/sink.ts";
import { fileConfig } from "../../src/sinks/file/config.ts";
import { createFileSink } from "../../src/sinks/file/sink.ts";
import { CollectorProcess, temporaryDir } from "../kit/collector-process.ts";
import { waitFor } from "../kit/wait-for.ts";

const NOON_MS = Date.parse("2026-11-23T12:00:00Z");
const TYPED = "columns: [{ name: total, from: /data/total, type: double }, { name: n, from: /data/n, type: int64 }]";

const CONFIG = `
sources: [{ name: web, keys: [wk_1] }]
sinks:
  - { name: plain, type: file, dir: ./plain }
  - { name: gzip, type: file, dir: ./gzip, compression: gzip }
  - { name: zstd, type: file, dir: ./zstd, compression: zstd }
  - { name: parquet, type: file, dir: ./parquet, format: parquet, ${TYPED} }
quarantine: { dir: ./quarantine }
deadLetters: { dir: ./dead-letters }
`;

const FORMATS = {
  plain: {},
  gzip: { compression: "gzip" },
  zstd: { compression: "zstd" },
  parquet: {
    format: "parquet",
    columns: [
      { name: "total", from: "/data/total", type: "double" },
      { name: "n", from: "/data/n", type: "int64" },
    ],
  },
} as const;

test("every format gives the same rows with the same types, and events has them all", async () => {
  await using dir = await temporaryDir();
  for (const name of ["plain", "gzip", "zstd", "parquet"] as const) await archive(dir.path, name);
  const columns =
    "position, id, type, source, subject, time, receivedtime, clientip, collector, data::varchar as data, extensions::varchar as extensions, dt, hour";
  const expected = await rows(dir.path, `select ${columns} from plain order by position`);
  expect(expected).toHaveLength(40);
  expect(expected[3]).toMatchObject({
    position: 3,
    id: "id-3",
    time: "2026-11-23T12:00:00.000003Z",
    extensions: null,
    dt: "2026-11-23",
    hour: 12,
  });
  for (const view of ["gzip", "zstd", "parquet"])
    expect(await rows(dir.path, `select ${columns} from ${view} order by position`), view).toEqual(expected);

  const types = (view: string) => rows(dir.path, `select column_name, column_type from (describe ${view}) order by 1`);
  const shared = (await types("plain")).filter(({ column_name: name }) => name !== "total" && name !== "n");
  expect(await types("parquet")).toEqual(expect.arrayContaining(shared));
  expect(
    await rows(
      dir.path,
      "select sink, count(*) as events, sum(total) as total, max(n) as n from events group by 1 order by 1",
    ),
  ).toEqual([
    { sink: "gzip", events: 40, total: null, n: null },
    { sink: "parquet", events: 40, total: 800, n: "9007199254741032" },
    { sink: "plain", events: 40, total: null, n: null },
    { sink: "zstd", events: 40, total: null, n: null },
  ]);
});

test("a typed column is there for NDJSON too, and for Parquet from before it was configured", async () => {
  await using dir = await temporaryDir();
  const config = `
sources: [{ name: web, keys: [wk_1] }]
sinks: [{ name: files, type: file, dir: ./files, format: parquet, ${TYPED} }]
`;
  await archive(dir.path, "files", { format: "parquet" });
  expect(await rows(dir.path, "select sum(total) as total, max(n) as n from files", config)).toEqual([
    { total: 800, n: "9007199254741032" },
  ]);
  await archive(dir.path, "files");
  await archive(dir.path, "files", FORMATS.parquet);
  expect(await rows(dir.path, "select count(*) as events, sum(total) as total from files", config)).toEqual([
    { events: 120, total: expect.any(Number) },
  ]);
});

test.each(["plain", "gzip", "zstd"] as const)(
  "files that are being written are left out, or read up to the last whole line (%s)",
  async (name) => {
    await using dir = await temporaryDir();
    const sink = await archive(dir.path, name, FORMATS[name], false);
    const [partial = ""] = await readdir(path.join(dir.path, name, "dt=2026-11-23", "hour=12"));
    await appendFile(
      path.join(dir.path, name, "dt=2026-11-23", "hour=12", partial),
      name === "plain" ? '{"torn' : "\u001f\u008bxx",
    );
    const without = await millrace(dir.path, ["query", "select count(*) as n from events", "--json"]);
    expect(JSON.parse(without.stdout)).toEqual([{ n: 0 }]);
    expect(without.stderr).toContain("1 file is still being written and left out; --open includes it.");
    const including = await millrace(dir.path, [
      "query",
      "select count(*) as n, max(hour) as hour from events",
      "--json",
      "--open",
    ]);
    expect(including).toMatchObject({ exitCode: 0, stderr: "" });
    expect(JSON.parse(including.stdout)).toEqual([{ n: 40, hour: 12 }]);
    await sink.close();
  },
);

test("the quarantine and the dead letters can be queried, also while their last line is written", async () => {
  await using dir = await temporaryDir();
  await mkdir(path.join(dir.path, "quarantine"));
  const entry = {
    at: "2026-11-23T12:00:00.000Z",
    source: "web",
    code: "schema_violation",
    reasons: [{ pointer: "/total" }],
    event: { id: "e-1", type: "order" },
  };
  await writeFile(
    path.join(dir.path, "quarantine", "0-20261123T120000-1.ndjson"),
    `${JSON.stringify(entry)}\n{"at":"20`,
  );
  expect(await rows(dir.path, "select rejectedtime, code, reasons, id, event from quarantine")).toEqual([
    {
      rejectedtime: "2026-11-23T12:00:00.000Z",
      code: entry.code,
      reasons: entry.reasons,
      id: "e-1",
      event: entry.event,
    },
  ]);
  expect(await rows(dir.path, "select count(*) as n from dead_letters")).toEqual([{ n: 0 }]);
});

test("directories and sinks may have names that mean something in SQL", async () => {
  await using dir = await temporaryDir();
  const folder = "a [b] 'c' *";
  const config = `
sources: [{ name: web, keys: [wk_1] }]
sinks: [{ name: Events, type: file, dir: "./${folder}" }, { name: select-1, type: file, dir: ./parquet, format: parquet }]
`;
  await archive(dir.path, folder, {});
  await archive(dir.path, "parquet");
  const sql = `select (select count(*) from events) as n, (select count(*) from events_files) as files, count(*) as other from "select-1"`;
  expect(await rows(dir.path, sql, config)).toEqual([{ n: 80, files: 40, other: 40 }]);
});

test("where nothing was delivered yet it says so, and the views are there", async () => {
  await using dir = await temporaryDir();
  const { exitCode, stdout, stderr } = await millrace(dir.path, ["query", "select count(*) as n from events", "--csv"]);
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "n\n0\n" });
  expect(stderr).toContain("There are no files to query yet");
});

test("the views can be listed, and are named where a query names another", async () => {
  await using dir = await temporaryDir();
  await archive(dir.path, "plain");
  const listed = await rows(dir.path, "show tables");
  expect(listed.map(({ name }) => name)).toEqual(expect.arrayContaining(["dead_letters", "events", "quarantine"]));
  const { exitCode, stderr } = await millrace(dir.path, ["query", "select * from evnts"]);
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/there is no view evnts; there is: events, quarantine, dead_letters, .+ \(query_failed\)/);
  const wrong = await millrace(dir.path, ["query", "select foo from events"]);
  expect(wrong.stderr).toMatch(/\n +\^\n\(query_failed\)\n/);
});

test("an empty quarantine is not said to be for want of deliveries", async () => {
  await using dir = await temporaryDir();
  const { stderr } = await millrace(dir.path, ["query", "from quarantine"]);
  expect(stderr).toContain("nothing was set aside");
});

test("nothing but a query is run, and nothing but the archive is read", async () => {
  await using dir = await temporaryDir();
  await archive(dir.path, "plain");
  const inside = path.join(dir.path, "plain");
  for (const sql of [
    `copy (select 1) to '${inside}/x.csv'`,
    `attach '${inside}/x.db'`,
    "install httpfs",
    "load httpfs",
    "set enable_external_access = true",
    "create table t as from plain",
    `explain analyze copy (select 1) to '${inside}/x.csv'`,
    "select 1; select 2",
    `select 1); export database '${inside}/x'; (select 2`,
    `explain export database '${inside}/x'`,
    `prepare x as select 1`,
    "call pragma_version()",
    `export database '${inside}/x'`,
    `select * from read_text('${path.join(dir.path, "millrace.yaml")}')`,
    "select * from read_text('/etc/passwd')",
    `select * from read_text('${inside}/../millrace.yaml')`,
    "select * from 'https://example.com/x.parquet'",
    "selec",
    "select nothing from plain",
  ]) {
    const { exitCode, stderr } = await millrace(dir.path, ["query", sql, "--json"]);
    expect({ sql, exitCode, stderr }).toMatchObject({
      sql,
      exitCode: 1,
      stderr: expect.stringContaining("query_failed"),
    });
  }
  expect(await readdir(inside)).toEqual(["dt=2026-11-23"]);
});

test("rows are printed as a table, CSV or JSON, and what comes from an event steers no terminal", async () => {
  await using dir = await temporaryDir();
  const sql = `select 1 as n, e'\\x1b[2J' as text, 'a,"b"' as quoted, null as nothing, '' as empty union all select 2, '', '', '', '' order by 1`;
  const shown = await millrace(dir.path, ["query", sql, "--limit", "1"]);
  expect(shown.stdout.split("\n")).toEqual([
    "n  text       quoted  nothing  empty",
    '1  \\u{1b}[2J  a,"b"   NULL',
    "1 row",
    "",
  ]);
  expect(shown.stderr).toContain("Only the first 1 rows are shown; --limit 0 shows all.");
  expect((await millrace(dir.path, ["query", sql, "--csv"])).stdout).toBe(
    'n,text,quoted,nothing,empty\n1,\u001b[2J,"a,""b""",,""\n2,"","","",""\n',
  );
  expect(
    await rows(
      dir.path,
      "select 1.5 as d, [1, 2] as list, 99999999999999999999::hugeint as huge, '{\"x\": 1e999}'::json as json",
    ),
  ).toEqual([{ d: 1.5, list: [1, 2], huge: "99999999999999999999", json: { x: Number.POSITIVE_INFINITY } }]);
  expect(JSON.parse((await millrace(dir.path, ["query", "-", "--json"], "select 1 as n where false")).stdout)).toEqual(
    [],
  );
});

test("without DuckDB it says how to install it", async () => {
  await using dir = await temporaryDir();
  await writeFile(path.join(dir.path, "millrace.yaml"), CONFIG);
  const hide = `import { registerHooks } from "node:module";
    registerHooks({ resolve(name, context, next) {
      if (name === "@duckdb/node-api") throw Object.assign(new Error("missing"), { code: "ERR_MODULE_NOT_FOUND" });
      return next(name, context);
    } });`;
  const main = path.join(import.meta.dirname, "../../src/main.ts");
  const { exitCode, stderr } = await new Promise<{ exitCode: unknown; stderr: string }>((resolve) => {
    const args = ["--import", `data:text/javascript,${encodeURIComponent(hide)}`, main, "query", "from events"];
    const child = execFile(process.execPath, args, { cwd: dir.path }, (_error, _stdout, printed) =>
      resolve({ exitCode: child.exitCode, stderr: printed }),
    );
  });
  expect(stderr).toMatch(/DuckDB, which is not installed\. .*npm install @duckdb\/node-api.*\(duckdb_missing\)/);
  expect(exitCode).toBe(1);
});

test("a collector may run meanwhile", async () => {
  await using dir = await temporaryDir();
  const yaml = `
workers: 2
sources: [{ name: web, keys: [wk_1] }]
sinks: [{ name: files, type: file, dir: ./files, compression: gzip, batch: { maxAgeMs: 20 } }]
`;
  await using collector = await CollectorProcess.start(dir.path, yaml);
  const sent = 200;
  for (let index = 0; index < sent; index += 50) {
    const events = Array.from({ length: 50 }, (_, at) => ({
      id: `live-${index + at}`,
      type: "live",
      data: { n: index + at },
    }));
    const answer = await fetch(`http://127.0.0.1:${collector.port}/v1/events?key=wk_1&ack=delivered`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(events),
    });
    expect(answer.status).toBe(201);
  }
  const sql = "select count(distinct id) as ids, sum((data->>'$.n')::int) as sum from events";
  await waitFor(async () => {
    const { stdout } = await millrace(dir.path, ["query", sql, "--open", "--json"], undefined, yaml);
    return (JSON.parse(stdout) as [{ ids: number }])[0].ids === sent;
  });
});

/** Forty events in batches of ten, in the files of a sink. */
async function archive(
  home: string,
  name: string,
  settings: object = FORMATS[name as keyof typeof FORMATS] ?? {},
  close = true,
): Promise<Sink> {
  const config = fileConfig.parse({
    name: "files",
    type: "file",
    dir: path.join(home, name),
    ...settings,
  });
  const sink = createFileSink(config, {
    node: "node",
    slot: "0",
    clock: systemClock,
    registry: new Registry(),
    log: pino({ level: "silent" }),
  });
  for (let from = 0; from < 40; from += 10) {
    const batch = Array.from({ length: 10 }, (_, index) => event(from + index));
    expect(await sink.write(batch, new AbortController().signal)).toEqual({ kind: "delivered" });
  }
  if (close) await sink.close();
  return sink;
}

function event(position: number) {
  const time = `2026-11-23T12:00:00.${String(position).padStart(6, "0")}Z`;
  const data = `{"total":${position}.5,"n":${9_007_199_254_740_993n + BigInt(position)},"text":"é\\n"}`;
  const extra = position % 2 === 0 ? ',"tenant":"x"' : "";
  const json = `{"specversion":"1.0","source":"web","id":"id-${position}","type":"order","time":"${time}","data":${data}${extra},"receivedtime":"${time}","clientip":"203.0.113.0","collector":"node/0-${position}"}`;
  return {
    position,
    id: `id-${position}`,
    type: "order",
    source: "web",
    receivedMs: NOON_MS,
    bytes: Buffer.from(json),
  };
}

async function rows(home: string, sql: string, config = CONFIG): Promise<Record<string, unknown>[]> {
  const { exitCode, stdout, stderr } = await millrace(home, ["query", sql, "--json"], undefined, config);
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  return JSON.parse(stdout) as Record<string, unknown>[];
}

async function millrace(home: string, args: readonly string[], stdin?: string, config = CONFIG) {
  await writeFile(path.join(home, "query.yaml"), config);
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const printed = Promise.all([text(stdout), text(stderr)]);
  const exitCode = await runCli([...args, "--config", "query.yaml"], {
    stdin: Readable.from(stdin === undefined ? [] : [stdin]),
    stdout,
    stderr,
    env: {},
    cwd: home,
  });
  stdout.end();
  stderr.end();
  const [out, err] = await printed;
  return { exitCode, stdout: out, stderr: err };
}
