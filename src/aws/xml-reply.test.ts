import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseXml, xmlAt, xmlFields } from "./xml-reply.ts";

function parse(xml: string) {
  return parseXml(Buffer.from(xml));
}

test("elements are found by their path, and entities in text are resolved", () => {
  const reply = parse(
    `<?xml version="1.0"?>\n<!-- c --><R xmlns="http://x/"><A><B k="v">1 &lt; 2 &amp;&#33;&#x21;</B><C/></A></R>\n`,
  );
  expect(reply?.name).toBe("R");
  expect(xmlAt(reply, "A", "B")?.text).toBe("1 < 2 &!!");
  expect(reply?.children.map(xmlFields)).toEqual([{ B: "1 < 2 &!!", C: "" }]);
  expect(xmlAt(reply, "A", "X", "Y")).toBeUndefined();
});

test.each([
  "",
  "text",
  "<a>",
  "</a>",
  "<a></b>",
  "<a/><b/>",
  "<a/>text",
  "<a><![CDATA[x]]></a>",
  "<a><b></a></b>",
  '{"a":1}',
  "<a",
  `${"<a>".repeat(100)}${"</a>".repeat(100)}`,
])("%j is not a reply", (xml) => {
  expect(parse(xml)).toBeUndefined();
});

test("an element that nests as deep as it likes, or any text, ends nothing", () => {
  const part = fc.constantFrom("<a>", "</a>", "<a/>", "<", ">", "&", "&#1114112;", "&lt;", "text", "<!--", "-->", "<?");
  fc.assert(fc.property(fc.array(part), (parts) => void parse(parts.join(""))));
});

test("what is written as XML is read back", () => {
  const texts = fc.string({ unit: "binary" }).filter((text) => !/[\uD800-\uDFFF]/.test(text));
  fc.assert(
    fc.property(texts, (text) => {
      const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
      expect(parse(`<a>${escaped}</a>`)?.text).toBe(text);
    }),
  );
});
