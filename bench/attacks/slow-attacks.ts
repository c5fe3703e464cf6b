import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { ATTACKER } from "../../test/kit/hostile-requests.ts";
import { type Attack, type AttackReport, Counts, refusals, shown, type Target } from "./attack.ts";

const run = promisify(execFile);

/** Longer than any of the collector's timeouts here, so that the collector has to end the connections, not the tool. */
const LENGTH_SECONDS = 40;

const CONNECTIONS = 4_000;

const CONNECT_RATE = 1_000;

/** How long its own probe, a connection of its own, waits for an answer until it calls the service unavailable. */
const PROBE_SECONDS = 5;

/** Connections that are kept busy with as little as possible: slowhttptest in all its modes. */
export const SLOW_ATTACKS: readonly Attack[] = [
  slow("slow headers (Slowloris)", "-H -t POST -i 2 -x 24", "/v1/events"),
  slow("slow body (R.U.D.Y.)", "-B -i 2 -x 24 -s 8192 -f application/json", "/v1/events"),
  // Once the answers are in the kernel's buffers these are idle connections, to be ended after http.idleTimeoutMs.
  slow("slow read", "-X -k 10 -w 512 -y 1024 -n 5 -z 32", "/openapi.json", "Hit test time limit"),
  slow("ranges (Apache killer)", "-R -a 5 -b 3000", "/openapi.json"),
];

function slow(name: string, mode: string, path: string, end = "No open connections left"): Attack {
  return {
    name,
    program: "slowhttptest",
    run: (target) => {
      const url = `http://127.0.0.1:${target.port}${path}?key=${ATTACKER.key}`;
      return slowhttptest(target, end, [...mode.split(" "), "-u", url]);
    },
  };
}

async function slowhttptest({ collector }: Target, wantedEnd: string, mode: readonly string[]): Promise<AttackReport> {
  const before = await refusals(collector.adminPort);
  const args = [
    "-c",
    String(CONNECTIONS),
    "-r",
    String(CONNECT_RATE),
    "-l",
    String(LENGTH_SECONDS),
    "-p",
    String(PROBE_SECONDS),
    ...mode,
  ];
  const { stdout } = await run("slowhttptest", args, { maxBuffer: 64 * 1024 ** 2 });
  const output = plain(stdout);
  const end = /Test ended on (\d+)th second\s+Exit status: (.*)/.exec(output);
  const faults: string[] = [];
  if (output.includes("service available:   NO")) faults.push("slowhttptest's own probe found the service unavailable");
  if (end?.[2] !== wantedEnd) faults.push(`it ended otherwise than expected: ${end?.[2] ?? output.slice(-300)}`);
  const answers = new Counts();
  for (const [reason, count] of await refusals(collector.adminPort)) {
    const more = count - (before.get(reason) ?? 0);
    if (more > 0) answers.add(reason, more);
  }
  return {
    sent: `${shown(CONNECTIONS)} connections, ${shown(CONNECT_RATE)}/s`,
    answered: `${answers.text}; the last connection ended in second ${end?.[1] ?? "?"}`,
    faults,
  };
}

/** Without the colours. */
function plain(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replaceAll(/\u001b\[[0-9;]*[A-Za-z]/g, "");
}
