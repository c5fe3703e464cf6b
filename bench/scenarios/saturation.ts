import { Collector } from "../collector.ts";
import type { Finding } from "../finding.ts";
import type { KinesisCounts } from "../kit/tls-kinesis.ts";
import { alternate, type Subject } from "../measure.ts";
import { type Measurement, summarise } from "../measurement.ts";
import type { Shape } from "../requests.ts";
import type { Scenario, ScenarioContext } from "../scenario.ts";
import { bareNodeFloor, FLOORS, nginxFloor, type Target } from "../targets.ts";

const UNIT_BYTES = 25 * 1024;

/** What Millrace's rows are called. */
export const MILLRACE = { none: "Millrace, Kinesis none", kpl: "Millrace, Kinesis kpl" } as const;

const ONE: Shape = { eventsPerRequest: 1, body: "json" };
const NGINX_OF_ONE = "nginx return 201, 1 a request";

/** 1 event a request. */
export const single = saturation("single", "1 event a request", ONE, {
  judge(measurements) {
    const of = ratioOf(measurements, MILLRACE.none, FLOORS.nginx);
    return [{ name: "CPU an event, in nginx floors", ...of, goal: { kind: "at most", value: 2.6 } }];
  },
});

/** 20 events a request, beside nginx with one a request, whose CPU the goal is a part of. */
export const batch = saturation(
  "batch",
  "20 events a request",
  { eventsPerRequest: 20, body: "json" },
  {
    besideNginxOfOne: true,
    workerRssMb: 150,
    judge(measurements) {
      const of = ratioOf(measurements, MILLRACE.none, NGINX_OF_ONE);
      return [
        { name: "CPU an event, in nginx floors of 1 event a request", ...of, goal: { kind: "at most", value: 0.6 } },
      ];
    },
  },
);

/** 100 events a request, one a line, compressed. Only reported. */
export const ndjson = saturation(
  "ndjson",
  "100 events a request, NDJSON with gzip",
  { eventsPerRequest: 100, body: "ndjson+gzip" },
  { judge: () => [] },
);

type Judged = Omit<Finding, "scenario">;

interface SaturationOptions {
  readonly besideNginxOfOne?: boolean;
  /** What a worker's memory should stay under; without it, memory is only reported. */
  readonly workerRssMb?: number;
  judge(measurements: readonly Measurement[]): readonly Judged[];
}

/** As many requests as are answered, against both floors and Millrace with both record formats, in turn. */
function saturation(name: string, what: string, shape: Shape, options: SaturationOptions): Scenario {
  return { name, what, run: (context) => run(name, shape, options, context) };
}

async function run(scenario: string, shape: Shape, options: SaturationOptions, context: ScenarioContext) {
  await using opened = new AsyncDisposableStack();
  const subjects: Subject[] = [];
  const add = (target: Target, name = target.name, ofShape = shape): void => {
    subjects.push({ name, target: opened.use(target), shape: ofShape });
  };
  try {
    const nginx = await nginxFloor();
    add(nginx);
    if (options.besideNginxOfOne === true) subjects.push({ name: NGINX_OF_ONE, target: nginx, shape: ONE });
  } catch (error) {
    const [reason] = String(error).split("\n");
    context.skip(`nginx could not be started, so there are no ratios; install it (Debian: nginx-light). ${reason}`);
  }
  add(await bareNodeFloor());
  const kpl = await Collector.start({ name: MILLRACE.kpl, main: context.main, format: "kpl" });
  add(await Collector.start({ name: MILLRACE.none, main: context.main }));
  add(kpl);
  const all = await alternate(subjects, context.rounds, context.length, context.progress);
  const measurements = summarise(scenario, all, FLOORS.nginx);
  const counts = await kpl.kinesis[0]?.counts();
  const findings: Judged[] = [
    ...options.judge(measurements),
    {
      name: "CPU an event with kpl, in that with none",
      ...ratioOf(measurements, MILLRACE.kpl, MILLRACE.none),
      goal: { kind: "at most", value: 1 },
    },
    ...(counts === undefined ? [] : [fillOf(counts)]),
    ...memoryOf(measurements, options.workerRssMb),
  ];
  return { measurements, findings: findings.map((finding) => ({ scenario, ...finding })) };
}

function ratioOf(
  measurements: readonly Measurement[],
  name: string,
  toName: string,
): Pick<Finding, "value" | "unit" | "isRatio"> {
  const cpuOf = (wanted: string): number =>
    measurements.find((each) => each.name === wanted)?.median.cpuMicrosPerEvent ?? Number.NaN;
  return { value: cpuOf(name) / cpuOf(toName), unit: "×", isRatio: true };
}

function fillOf({ bytes, units }: KinesisCounts): Judged {
  return {
    name: "kpl: how full the 25 KB PUT units are",
    value: (100 * bytes) / (units * UNIT_BYTES),
    unit: "%",
    goal: { kind: "at least", value: 95 },
  };
}

function memoryOf(measurements: readonly Measurement[], mostMb: number | undefined): Judged[] {
  return measurements
    .filter(({ median }) => median.workerRssBytes > 0)
    .map(({ name, median }) => ({
      name: `${name}: peak RSS of the worker`,
      value: median.workerRssBytes / 1e6,
      unit: "MB",
      ...(mostMb === undefined ? {} : { goal: { kind: "at most", value: mostMb } }),
      note: `supervisor ${(median.ownRssBytes / 1e6).toFixed(0)} MB`,
    }));
}
