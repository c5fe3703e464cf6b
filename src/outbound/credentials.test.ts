import { expect, test } from "vitest";
import { withoutCredentials } from "./credentials.ts";

function said(text: string, headers: Record<string, string>): string {
  return withoutCredentials(Buffer.from(text), headers).toString();
}

test.each([
  // What Amazon API Gateway and OpenSearch Service answer to credentials that are no signature.
  [{ authorization: "Bearer t0ken-t0ken" }, `'t0ken-t0ken' not a valid key=value pair: 'Bearer t0ken-t0ken'`],
  [{ authorization: `Basic ${btoa("me:pa55word")}` }, `not valid: 'Basic ${btoa("me:pa55word")}', pa55word`],
  [{ authorization: "ApiKey aWQ6a2V5LWtleQ==" }, `{"error":"aWQ6a2V5LWtleQ=="}`],
  [{ "x-clickhouse-key": `a"quoted"\\key` }, `{"key":${JSON.stringify(`a"quoted"\\key`)}}`],
  [{ "X-Any": "of-a-webhook" }, `{"x-any":"of-a-webhook"}`],
])("what a service quotes of %j is hidden", (headers, text) => {
  const hidden = said(text, headers);
  expect(hidden).toContain("***");
  expect(hidden).not.toMatch(/t0ken|pa55word|bWU6|aWQ6|quoted|of-a-webhook/);
});

test("all else stays as it is", () => {
  const body = Buffer.from('{"message":"application/json of millrace is not taken, be it short"}');
  const headers = { "content-type": "application/json", "user-agent": "millrace", authorization: "be" };
  expect(withoutCredentials(body, headers)).toBe(body);
});
