import { expect, test } from "vitest";
import { parseConfig } from "../config/load-config.ts";
import { millraceConfig } from "./config.ts";

function problemsOf(yaml: string): string[] {
  const parsed = parseConfig(yaml, "millrace.yaml", millraceConfig, {});
  return parsed.kind === "ok" ? [] : parsed.problems.map(({ line, path, message }) => `${line} ${path}: ${message}`);
}

test.each([
  ["0.0.0.0", "127.0.0.1", 8080, true],
  ["127.0.0.1", "localhost", 8080, true],
  ["10.0.0.1", "::", 8080, true],
  ["0.0.0.0", "::1", 8080, false],
  ["10.0.0.1", "127.0.0.1", 8080, false],
  ["127.0.0.1", "127.0.0.1", 0, false],
])("events on %s and the admin port on %s, both %i: refused %s", (events, admin, port, isRefused) => {
  const problems = problemsOf(`
listen: { host: "${events}", port: ${port} }
admin: { host: "${admin}", port: ${port} }
sources: [{ name: web, keys: [wk_one] }]
sinks: [{ name: out, type: stdout }]
`);
  expect(problems).toEqual(
    isRefused ? [expect.stringMatching(/^3 admin\.port: listen takes events in on port 8080/)] : [],
  );
});

test("what is wrong in a field and what is wrong between fields is told at once, each with its line", () => {
  const problems = problemsOf(`
listen: { prot: 80 }
journal: { durability: memory }
sources:
  - { name: web, keys: [wk_one], ack: durable }
  - { name: web, keys: [wk_two, wk_one] }
sinks:
  - { name: files, type: file, dir: ./a }
  - { name: files, type: stdout, when: "type ==" }
  - { name: other, type: nowhere }
`);
  expect(problems).toEqual([
    expect.stringMatching(/^2 listen\.prot: unknown key; did you mean port/),
    expect.stringMatching(/^5 sources\[0\]\.ack: a journal in memory/),
    expect.stringMatching(/^6 sources\[1\]\.name: another source is called web/),
    expect.stringMatching(/^6 sources\[1\]\.keys\[1\]: source web has this key already/),
    expect.stringMatching(/^9 sinks\[1\]\.name: another sink is called files/),
    expect.stringMatching(/^9 sinks\[1\]\.when: the filter `type ==` cannot be used/),
    expect.stringMatching(/^10 sinks\[2\]\.type: /),
  ]);
});

test("a drain that leaves the sinks no time is refused with what takes it", () => {
  const shutdown = (reserveMs: number) => `
sources: [{ name: web, keys: [wk_one] }]
sinks: [{ name: out, type: stdout }]
shutdown: { preStopMs: 2000, drainMs: 10000, lifeboat: { dir: ./boats, reserveMs: ${reserveMs} } }
`;
  expect(problemsOf(shutdown(6_000))).toEqual([]);
  expect(problemsOf(shutdown(7_000))).toEqual([
    expect.stringContaining(
      "preStopMs 2000 + lifeboat.reserveMs 7000 + 1500 for saving and ending must be less than drainMs 10000",
    ),
  ]);
});
