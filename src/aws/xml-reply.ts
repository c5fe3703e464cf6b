/** An element of a reply in XML. */
export interface XmlElement {
  readonly name: string;
  readonly children: readonly XmlElement[];
  /** The text directly within it, its entities resolved. */
  readonly text: string;
}

interface OpenElement extends XmlElement {
  readonly children: XmlElement[];
  text: string;
}

/** A declaration or comment, an end tag, a start tag (with its end when it is empty), or text. */
const TOKEN = /<(?:\?|!--)[^>]*>|<\/([^\s<>/]+)\s*>|<([^\s<>/!?]+)(?:\s[^<>]*?)?(\/?)>|([^<]+)/gy;

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** Far deeper than any reply of the services we call. */
const MAX_DEPTH = 32;

/**
 * Reads the XML in which the services of the Query protocol reply: elements and text. Attributes,
 * comments and declarations are skipped, and there are no sections of character data.
 * `undefined` for whatever else it is, such as a page that does not nest, or is cut short.
 */
export function parseXml(body: Uint8Array): XmlElement | undefined {
  const xml = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString().trim();
  const root: OpenElement = { name: "", children: [], text: "" };
  const open = [root];
  let end = 0;
  for (const token of xml.matchAll(TOKEN)) {
    const [whole, closed, opened, empty, text] = token;
    end = token.index + whole.length;
    const current = open.at(-1) ?? root;
    if (closed !== undefined) {
      if (closed !== current.name || open.length === 1) return undefined;
      open.pop();
    } else if (opened !== undefined) {
      const element: OpenElement = { name: opened, children: [], text: "" };
      current.children.push(element);
      if (empty === "") open.push(element);
      if (open.length > MAX_DEPTH) return undefined;
    } else if (text !== undefined) {
      current.text += unescaped(text);
    }
  }
  const [only, ...others] = root.children;
  return end === xml.length && open.length === 1 && others.length === 0 && root.text.trim() === "" ? only : undefined;
}

/** The first element at a path of names, from the children of `element` on. */
export function xmlAt(element: XmlElement | undefined, ...path: readonly string[]): XmlElement | undefined {
  let found = element;
  for (const name of path) found = found?.children.find((child) => child.name === name);
  return found;
}

/** The texts of an element's children, by name. */
export function xmlFields(element: XmlElement): Readonly<Record<string, string>> {
  return Object.fromEntries(element.children.map(({ name, text }) => [name, text]));
}

function unescaped(text: string): string {
  if (!text.includes("&")) return text;
  return text.replaceAll(/&(?:#(\d{1,7})|#x([\dA-Fa-f]{1,6})|(\w{1,8}));/g, (whole, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES[String(name)] ?? whole;
    const code = decimal === undefined ? Number.parseInt(String(hex), 16) : Number(decimal);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
