import { BOMBS, DENSE_JSON, JSON_SHAPES, TEXTS } from "../../test/kit/hostile-payloads.ts";
import { logFaults, NAME_REQUESTS, strayFiles } from "../../test/kit/hostile-names.ts";
import { ATTACKER, HEADERS, SMUGGLING, VICTIM } from "../../test/kit/hostile-requests.ts";
import { exchangeRaw } from "../../test/kit/raw-exchange.ts";
import { type Attack, type AttackReport, Counts, shown, type Target } from "./attack.ts";
import { payloadVolley, rawVolley } from "./volley.ts";

/** Where the collector under attack may have files, from its directory. */
export const KNOWN_FILES: readonly string[] = ["millrace.yaml", "cert.pem", "key.pem", "data"];

/** Requests that are not what they should be. Each shape's answer is checked. */
export const REQUEST_ATTACKS: readonly Attack[] = [
  { name: "headers too large, too many, or twice", run: (target) => rawVolley(target, HEADERS) },
  { name: "request smuggling", run: smuggling },
  { name: "decompression bombs", run: (target) => payloadVolley(target, ATTACKER.key, BOMBS) },
  {
    name: "JSON deep, wide and slow",
    saturates: true,
    run: (target) => payloadVolley(target, ATTACKER.key, JSON_SHAPES),
  },
  {
    name: "19 MB of JSON in a small body",
    saturates: true,
    run: (target) => payloadVolley(target, ATTACKER.key, DENSE_JSON),
  },
  { name: "text that is none", run: (target) => payloadVolley(target, ATTACKER.key, TEXTS) },
  { name: "injection into the log, and paths out", run: injection },
];

async function smuggling(target: Target): Promise<AttackReport> {
  const report = await rawVolley(target, SMUGGLING);
  const { accepted } = await target.collector.ledger();
  const smuggled = accepted[VICTIM.name] ?? 0;
  const faults = smuggled > 0 ? [`${smuggled} smuggled events were stored`] : [];
  return { ...report, faults: [...report.faults, ...faults] };
}

async function injection(target: Target): Promise<AttackReport> {
  const answers = new Counts();
  const lane = async (from: number, lanes: number): Promise<void> => {
    for (let at = from; at < NAME_REQUESTS.length; at += lanes) {
      const { statuses } = await exchangeRaw(target.port, NAME_REQUESTS[at]?.bytes ?? Buffer.alloc(0));
      answers.add(statuses.join("+") || "no answer");
    }
  };
  await Promise.all(Array.from({ length: 16 }, (_, index) => lane(index, 16)));
  const log = target.collector.output;
  const faults = [
    ...logFaults(log.slice(log.indexOf("\n\n") + 2)),
    ...(await strayFiles(target.collector.dir, KNOWN_FILES)).map((name) => `stray file: ${name}`),
  ];
  if (/5\d\d/.test(answers.text.replaceAll(/× [\d,]+/g, ""))) faults.push(`answered 5xx: ${answers.text}`);
  return { sent: `${shown(NAME_REQUESTS.length)} requests`, answered: answers.text, faults };
}
