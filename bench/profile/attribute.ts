import type { CpuProfile, ProfileNode } from "./cpu-profile.ts";
import { nodePart, partOf, SPECIAL } from "./part-of.ts";

/** CPU time of a profile, in microseconds. */
export interface Attribution {
  /** By part of the collector. What node and V8 do for a part is counted there. */
  readonly parts: ReadonlyMap<string, number>;
  /** By function, itself only, with its file. */
  readonly functions: ReadonlyMap<string, number>;
  /** Of all parts; without idling. */
  readonly busyMicros: number;
}

/** Says what the samples between two times, in microseconds of the monotonic clock, were spent on. */
export function attribute(profile: CpuProfile, fromMicros: number, toMicros: number): Attribution {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map<number, ProfileNode>();
  for (const node of profile.nodes) for (const child of node.children ?? []) parents.set(child, node);
  const partOfNode = new Map<number, string>();
  const parts = new Map<string, number>();
  const functions = new Map<string, number>();
  let busyMicros = 0;
  let atMicros = profile.startTime;
  for (const [index, id] of profile.samples.entries()) {
    const micros = profile.timeDeltas[index] ?? 0;
    atMicros += micros;
    const node = nodes.get(id);
    if (node === undefined || atMicros < fromMicros || atMicros > toMicros) continue;
    let part = partOfNode.get(id);
    if (part === undefined) partOfNode.set(id, (part = partOfCall(node, parents)));
    if (part === "idle") continue;
    busyMicros += micros;
    parts.set(part, (parts.get(part) ?? 0) + micros);
    const name = nameOf(node);
    functions.set(name, (functions.get(name) ?? 0) + micros);
  }
  return { parts, functions, busyMicros };
}

/** The part of the nearest caller that belongs to one. */
function partOfCall(node: ProfileNode, parents: ReadonlyMap<number, ProfileNode>): string {
  const special = SPECIAL.get(node.callFrame.functionName);
  if (special !== undefined) return special;
  let nearestUrl = "";
  for (let each: ProfileNode | undefined = node; each !== undefined; each = parents.get(each.id)) {
    const { url } = each.callFrame;
    // Schemas are compiled into functions that come from no file.
    if (url === "" && /^validate\d*$/.test(each.callFrame.functionName)) return "validate";
    const part = partOf(url);
    if (part !== undefined) return part;
    if (nearestUrl === "") nearestUrl = url;
  }
  return nodePart(nearestUrl);
}

function nameOf({ callFrame: { functionName, url } }: ProfileNode): string {
  const file = url.replace(/^.*\/(dist|src|node_modules)\//, "");
  return `${functionName === "" ? "(anonymous)" : functionName}${file === "" ? "" : ` ${file}`}`;
}
