import { isObject } from "../../outbound/json-reply.ts";

const UNITS: Readonly<Record<string, number>> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3, tb: 1024 ** 4 };

/**
 * Where what is there is not as it is wanted, each as a line `path: is → shall be`. What is there beyond
 * that, defaults of the server or additions of others, is no difference.
 */
export function differences(current: unknown, wanted: unknown, path = ""): readonly string[] {
  if (isObject(wanted) && isObject(current)) {
    return Object.entries(wanted).flatMap(([key, value]) =>
      differences(current[key], value, path === "" ? key : `${path}.${key}`),
    );
  }
  if (Array.isArray(wanted) && Array.isArray(current) && wanted.length === current.length)
    return wanted.flatMap((value, index) => differences(current[index], value, `${path}[${index}]`));
  if (isSame(current, wanted)) return [];
  return [`${path}: ${current === undefined ? "nothing" : JSON.stringify(current)} → ${JSON.stringify(wanted)}`];
}

function isSame(current: unknown, wanted: unknown): boolean {
  // The server leaves empty objects out.
  if (isObject(wanted) && Object.keys(wanted).length === 0 && current === undefined) return true;
  if (isObject(wanted) || Array.isArray(wanted)) return JSON.stringify(current) === JSON.stringify(wanted);
  const [is, shallBe] = [textOf(current), textOf(wanted)];
  if (is === undefined || shallBe === undefined) return false;
  return is === shallBe || (bytesOf(is) !== undefined && bytesOf(is) === bytesOf(shallBe));
}

/** Servers give numbers and truth values back as text. */
function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}

/** `1536mb` and `1.5gb` are the same size. */
function bytesOf(text: string): number | undefined {
  const [, amount = "", unit = ""] = /^(\d+(?:\.\d+)?)([kmgt]?b)$/.exec(text) ?? [];
  return unit === "" ? undefined : Number(amount) * (UNITS[unit] ?? 1);
}
