import type { Measurement } from "./measurement.ts";
import { PEERS, PEERS_FLOOR } from "./peers.ts";
import type { Report } from "./report.ts";
import { MILLRACE } from "./scenarios/saturation.ts";
import { FLOORS } from "./targets.ts";

interface Bar {
  readonly name: string;
  readonly micros: number;
  readonly ratio: number;
  readonly kind: "floor" | "own" | "quoted";
}

const WIDTH = 760;
const NAME_WIDTH = 190;
const VALUE_WIDTH = 150;
const BAR_HEIGHT = 18;
const STEP = 26;
const PANEL_GAP = 34;
const TOP = 58;

/** CPU for an event beside what peers were measured to need, as an SVG that reads well on light and on dark. */
export function picture(report: Report): string {
  const panels = [
    { title: "1 event a request", bars: barsOf(report, "single", 0) },
    { title: "20 events a request", bars: barsOf(report, "batch", 1) },
  ];
  return drawing(panels, footOf(report));
}

function barsOf({ measurements }: Report, scenario: string, index: 0 | 1): Bar[] {
  const of = (name: string): Measurement => {
    const found = measurements.find((each) => each.scenario === scenario && each.name === name);
    if (found === undefined || found.ratio === null)
      throw new Error(`the report has no ratio of ${name} in ${scenario}: run it with nginx`);
    return found;
  };
  const own = (name: string, as: string, kind: Bar["kind"]): Bar => {
    const { median, ratio } = of(name);
    return { name: as, micros: median.cpuMicrosPerEvent, ratio: ratio ?? Number.NaN, kind };
  };
  const floorMicros = PEERS_FLOOR.microsPerEvent[index];
  return [
    own(FLOORS.nginx, "nginx return 201", "floor"),
    own(FLOORS.node, "bare node:http", "floor"),
    own(MILLRACE.none, "Millrace", "own"),
    ...PEERS.map(({ name, microsPerEvent }): Bar => {
      const micros = microsPerEvent[index];
      return { name: `${name}*`, micros, ratio: micros / floorMicros, kind: "quoted" };
    }),
  ];
}

function drawing(
  panels: readonly { readonly title: string; readonly bars: readonly Bar[] }[],
  foot: readonly string[],
): string {
  const parts: string[] = [];
  let top = TOP;
  for (const { title, bars } of panels) {
    const most = Math.max(...bars.map(({ ratio }) => ratio));
    const room = WIDTH - NAME_WIDTH - VALUE_WIDTH;
    parts.push(`<text class="head" x="0" y="${top}">${title}</text>`);
    for (const [index, { name, micros, ratio, kind }] of bars.entries()) {
      const y = top + 14 + index * STEP;
      const text = y + BAR_HEIGHT - 4.5;
      const width = Math.max(2, (ratio / most) * room).toFixed(1);
      const right = (NAME_WIDTH + Number(width) + 8).toFixed(1);
      const bold = kind === "own" ? " own-text" : "";
      parts.push(
        `<text class="name${bold}" x="${NAME_WIDTH - 10}" y="${text}">${name}</text>`,
        `<rect class="${kind}" x="${NAME_WIDTH}" y="${y}" width="${width}" height="${BAR_HEIGHT}" rx="2"/>`,
        `<text class="value${bold}" x="${right}" y="${text}">${ratio.toFixed(1)} × <tspan class="micros">${shown(micros)} µs</tspan></text>`,
      );
    }
    top += 14 + bars.length * STEP + PANEL_GAP;
  }
  const height = top + foot.length * 18 - 14;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="CPU for an event, as a multiple of what nginx needs to answer 201">
<style>
  text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }
  .title { font-size: 16px; font-weight: 600; }
  .head { font-weight: 600; }
  .name { text-anchor: end; }
  .own-text { font-weight: 600; }
  .micros, .foot { fill: #59636e; font-weight: 400; }
  .foot { font-size: 12px; }
  .floor { fill: #8c959f; }
  .own { fill: #0969da; }
  .quoted { fill: #d4a72c; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .micros, .foot { fill: #9198a1; }
    .floor { fill: #656c76; }
    .own { fill: #4493f8; }
    .quoted { fill: #bb8009; }
  }
</style>
<text class="title" x="0" y="20">CPU for an event, in times of what nginx needs to answer 201</text>
${parts.join("\n")}
${foot.map((line, index) => `<text class="foot" x="0" y="${top - 12 + index * 18}">${line}</text>`).join("\n")}
</svg>
`;
}

function footOf({ at, rounds }: Report): string[] {
  return [
    `Each beside the nginx of its own run. nginx, node:http, Millrace: ${at.slice(0, 10)}, ${rounds} alternated rounds, Kinesis over TLS.`,
    `* quoted: measured in November 2026 on a similar machine, beside an nginx of ${PEERS_FLOOR.microsPerEvent.join(" and ")} µs.`,
  ];
}

/** Three digits, and none that a quoted figure did not have. */
function shown(micros: number): string {
  return String(Number(micros.toPrecision(3)));
}
