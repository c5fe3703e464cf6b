import { writeFile } from "node:fs/promises";
import path from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, describe, expect, test } from "vitest";
import { runCli } from "../../src/cli/run-cli.ts";
import { opensearchConfig } from "../../src/sinks/opensearch/config.ts";
import { createOpensearchSink } from "../../src/sinks/opensearch/sink.ts";
import { Registry } from "prom-client";
import { collectedEvent } from "../conformance/sink-conformance.ts";
import { temporaryDir } from "../kit/collector-process.ts";
import { SearchNode, whyNoServer } from "../kit/opensearch.ts";
import { type SearchStandIn, startSearchStandIn } from "../kit/search-stand-in.ts";

interface Step {
  readonly kind: string;
  readonly standing: string;
  readonly outcome: string;
  readonly differences?: readonly string[];
  readonly problem?: string;
  readonly request: { readonly path: string; readonly body?: unknown };
}

/** Runs `millrace setup opensearch` for one sink. */
async function setUp(url: string, change: object, ...args: string[]) {
  await using dir = await temporaryDir();
  const sink = { name: "search", type: "opensearch", urls: [url], ...change };
  // JSON is YAML.
  const config = JSON.stringify({ sources: [{ name: "web", keys: ["wk_test"] }], sinks: [sink] });
  await writeFile(path.join(dir.path, "millrace.yaml"), config);
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const context = { stdin: Readable.from([]), stdout, stderr, env: {}, cwd: dir.path };
  const exitCode = await runCli(["setup", "opensearch", ...args], context);
  stdout.end();
  return { exitCode, output: await text(stdout) };
}

async function stepsOf(url: string, change: object, ...args: string[]): Promise<readonly Step[]> {
  const { output } = await setUp(url, change, "--json", ...args);
  return (JSON.parse(output) as { steps: Step[] }[]).flatMap(({ steps }) => steps);
}

/** Keeps what is put, and gives it back as the servers do: with defaults of theirs. */
async function startPolicyServer(): Promise<SearchStandIn & { readonly kept: Map<string, unknown> }> {
  const kept = new Map<string, unknown>();
  const standIn = await startSearchStandIn(({ method, path: at, body }) => {
    const where = at.replace(/\?.*/, "");
    if (method === "PUT") {
      kept.set(where, body === "" ? {} : JSON.parse(body));
      return { status: 200, body: { acknowledged: true } };
    }
    const object = kept.get(where);
    const name = path.posix.basename(where);
    if (object === undefined)
      return { status: 404, body: { error: { type: "status_exception", reason: "not found" } } };
    const replies = new Map<string, unknown>([
      ["/_plugins/_ism/policies", { _seq_no: 7, _primary_term: 2, policy: decorated(object) }],
      ["/_ilm/policy", { [name]: { version: 1, policy: decorated(object) } }],
      ["/_index_template", { index_templates: [{ name, index_template: object }] }],
      ["/_data_stream", { data_streams: [{ name }] }],
    ]);
    return { status: 200, body: replies.get(path.posix.dirname(where)) };
  });
  return Object.assign(standIn, { kept });
}

function decorated(object: unknown): object {
  const { policy } = object as { policy: object };
  return { ...policy, policy_id: "x", last_updated_time: 1, schema_version: 21, error_notification: null };
}

describe("with a stand-in that has policies", () => {
  test.each([
    ["opensearch", "/_plugins/_ism/policies/millrace-events"],
    ["elasticsearch", "/_ilm/policy/millrace-events"],
  ])(
    "%s: the plan changes nothing, --apply makes what is missing, and again there is nothing to do",
    async (type, policy) => {
      await using server = await startPolicyServer();
      const sink = { type, setup: { deleteAfterDays: 30, rolloverBytes: "1536MiB" } };
      const plan = await setUp(server.url, sink);
      expect(plan).toMatchObject({ exitCode: 0, output: expect.stringContaining("Nothing was changed") });
      expect(plan.output).toContain(`PUT ${policy}`);
      expect(server.kept.size).toBe(0);

      expect((await setUp(server.url, sink, "--apply")).exitCode).toBe(0);
      expect([...server.kept.keys()]).toEqual([
        policy,
        "/_index_template/millrace-events",
        "/_data_stream/millrace-events",
      ]);
      expect(JSON.stringify(server.kept.get(policy))).toContain('"30d"');
      expect((await setUp(server.url, sink, "--apply")).output).toContain("There is nothing to do.");
    },
  );

  test("what an earlier setup made is changed, by its version, and the difference shown", async () => {
    await using server = await startPolicyServer();
    await setUp(server.url, { setup: { deleteAfterDays: 30 } }, "--apply");
    const steps = await stepsOf(server.url, { setup: { deleteAfterDays: 60, shards: 2 } }, "--apply");
    expect(steps.map(({ standing, outcome }) => `${standing}: ${outcome}`)).toEqual([
      "different: done",
      "different: done",
      "as wanted: nothing to do",
    ]);
    expect(steps[0]?.differences).toEqual([
      'policy.states[0].transitions[0].conditions.min_rollover_age: "30d" → "60d"',
    ]);
    const puts = server.requests.filter(({ method }) => method === "PUT").map(({ path: at }) => at);
    expect(puts).toContain("/_plugins/_ism/policies/millrace-events?if_seq_no=7&if_primary_term=2");
  });

  test("what others made is left alone unless told to replace it", async () => {
    await using server = await startPolicyServer();
    const others = { index_patterns: ["millrace-*"], priority: 500, template: { mappings: {} } };
    server.kept.set("/_index_template/millrace-events", others);
    const { exitCode, output } = await setUp(server.url, { dataStream: false }, "--apply");
    expect(exitCode).toBe(1);
    expect(output).toContain("priority: 500 → 200");
    expect(server.kept.get("/_index_template/millrace-events")).toEqual(others);
    expect((await setUp(server.url, { dataStream: false }, "--apply", "--replace")).exitCode).toBe(0);
    expect(server.kept.get("/_index_template/millrace-events")).toMatchObject({ priority: 200 });
  });

  test("a server that does not answer, and a configuration without such a sink, are said", async () => {
    expect(await setUp("http://127.0.0.1:1", { dataStream: false })).toMatchObject({
      exitCode: 1,
      output: expect.stringContaining("no reply from 127.0.0.1:1"),
    });
    expect((await setUp("http://127.0.0.1:1", { dataStream: false }, "--sink", "other")).exitCode).toBe(2);
  });
});

const node = await SearchNode.start();

afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
});

describe.skipIf(node === undefined)(`with a real OpenSearch node${whyNoServer && `: ${whyNoServer}`}`, () => {
  const url = node?.url ?? "";

  test.each(["flat", "dynamic", "stored"])("events fit the mapping that is installed: data %s", async (data) => {
    const index = `mapped-${data}`;
    const sink = { index, setup: { data, replicas: 0 } };
    await setUp(url, sink, "--apply");
    expect((await stepsOf(url, sink)).slice(1).map(({ standing }) => standing)).toEqual(["as wanted", "as wanted"]);
    const config = opensearchConfig.parse({ name: "search", type: "opensearch", urls: [url], index });
    const target = createOpensearchSink(config, { registry: new Registry() });
    const batch = [
      '{"specversion":"1.0","id":"a","time":"2016-12-31T23:59:60Z","clientip":"192.0.2.7","extra":{"a":1},"data":{"user":{"name":"Zoë"}}}',
      '{"specversion":"1.0","id":"b","clientip":"h:5f2a","useragent":"Mozilla/5.0","extra":"text","data":{"user":{"age":7}}}',
    ].map((json, position) => collectedEvent(position, json));
    expect(await target.check(AbortSignal.timeout(10_000))).toEqual([]);
    expect(await target.write(batch, AbortSignal.timeout(30_000))).toEqual({ kind: "delivered" });
    await target.close();
    expect(await node?.count(index)).toBe(2);
    const found = async (term: object): Promise<unknown> => {
      const { hits } = (await node?.call("POST", `/${index}/_search`, { query: { term } })) ?? {};
      return (hits as { total: { value: number } }).total.value;
    };
    expect(await found({ "data.user.name": "Zoë" })).toBe(data === "stored" ? 0 : 1);
    expect(await found({ "clientip.ip": "192.0.2.0/24" })).toBe(1);
  });

  test("a repetition is found in a data stream until it is rolled over, and in an index of the day always", async () => {
    const registry = new Registry();
    const write = async (index: string, dataStream: boolean): Promise<void> => {
      const types = ["conformance.event"];
      const settings = { name: "search", type: "opensearch", urls: [url], index, types, dataStream };
      const sink = createOpensearchSink(opensearchConfig.parse(settings), { registry });
      const event = collectedEvent(1, '{"n":1}', Date.UTC(2026, 10, 27));
      expect(await sink.write([event], AbortSignal.timeout(30_000))).toEqual({ kind: "delivered" });
      await sink.close();
    };
    const stream = { index: "rolled-{type}", types: ["conformance.event"], setup: { replicas: 0 } };
    await setUp(url, stream, "--apply");
    await write("rolled-{type}", true);
    await write("rolled-{type}", true);
    expect(await node?.count("rolled-conformance.event")).toBe(1);
    await node?.call("POST", "/rolled-conformance.event/_rollover");
    await write("rolled-{type}", true);
    expect(await node?.count("rolled-conformance.event")).toBe(2);

    for (let time = 0; time < 3; time++) await write("daily-{type}-{date}", false);
    expect(await node?.count("daily-conformance.event-2026.11.27")).toBe(1);
    const duplicates = await registry.getSingleMetric("millrace_opensearch_sink_duplicate_events_total")?.get();
    expect(duplicates?.values).toMatchObject([{ value: 3 }]);
  });

  test("what is wrong with the destination is said in sentences", async () => {
    const config = (change: object) =>
      opensearchConfig.parse({ name: "search", type: "opensearch", urls: [url], ...change });
    const problemsOf = async (change: object): Promise<readonly string[]> => {
      const sink = createOpensearchSink(config(change), { registry: new Registry() });
      const problems = await sink.check(AbortSignal.timeout(10_000));
      await sink.close();
      return problems;
    };
    expect(await problemsOf({ index: "absent" })).toEqual([
      expect.stringContaining("millrace setup opensearch --apply"),
    ]);
    expect(await problemsOf({ index: "absent", dataStream: false })).toEqual([]);
    await node?.call("PUT", "/full-2026.11.27");
    await node?.call("PUT", "/full-2026.11.27/_settings", { "index.blocks.read_only_allow_delete": true });
    expect(await problemsOf({ index: "full-{date}", dataStream: false })).toEqual([
      expect.stringContaining("a disk of the cluster is full"),
    ]);
  });
});
