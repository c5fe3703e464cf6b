import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { isDescribed } from "./described-answer-fixture.ts";
import { startTestServer } from "./ingest-server-fixture.ts";

interface Description {
  readonly path: string;
  readonly integrity: string;
  readonly element: string;
}

test("the SDK is served to pages of any origin: shortly kept by its name, for ever by its hash", async () => {
  await using server = await startTestServer();
  const init = { headers: { Origin: "https://any.example" } };
  const described = await fetch(`${server.url}/sdk.json`, init);
  const { path, integrity, element } = (await described.json()) as Description;
  const [plain, hashed] = await Promise.all([fetch(`${server.url}/sdk.js`, init), fetch(server.url + path, init)]);
  const script = await plain.text();
  expect(script).toContain("millrace");
  expect(await hashed.text()).toBe(script);
  expect(integrity).toBe(`sha384-${createHash("sha384").update(script).digest("base64")}`);
  expect(element).toContain(`src="COLLECTOR${path}" integrity="${integrity}" crossorigin="anonymous"`);
  expect(plain.headers.get("cache-control")).toBe("public, max-age=300");
  expect(hashed.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
  for (const reply of [described, plain, hashed]) expect(reply.headers.get("access-control-allow-origin")).toBe("*");
  expect(plain.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
  expect(plain.headers.get("cross-origin-resource-policy")).toBe("cross-origin");
});

test("it is compressed for those who say so, and not sent again to those who have it", async () => {
  await using server = await startTestServer();
  const get = (headers: Record<string, string>) => fetch(`${server.url}/sdk.js`, { headers });
  expect((await get({ "Accept-Encoding": "br, gzip" })).headers.get("content-encoding")).toBe("gzip");
  expect((await get({ "Accept-Encoding": "gzip;q=0" })).headers.get("content-encoding")).toBe(null);
  const first = await get({});
  const again = await get({ "If-None-Match": first.headers.get("etag") ?? "" });
  expect([again.status, await again.text()]).toEqual([304, ""]);
  expect((await get({ "If-None-Match": 'W/"another"' })).status).toBe(200);
});

test("another version is not there, and the answer leads to the one that is", async () => {
  await using server = await startTestServer();
  const { path } = (await (await fetch(`${server.url}/sdk.json`)).json()) as Description;
  const reply = await fetch(`${server.url}/sdk.0123456789abcdef.js`);
  expect(reply.status).toBe(404);
  expect(await reply.json()).toMatchObject({ code: "not_found", detail: expect.stringContaining(path) });
});

test("what is answered is as it is described", async () => {
  await using server = await startTestServer();
  const { path } = (await (await fetch(`${server.url}/sdk.json`)).json()) as Description;
  for (const [target, body] of [
    ["/sdk.json", true],
    ["/sdk.js", false],
    [path, false],
    ["/sdk.00.js", true],
  ] as const) {
    const reply = await fetch(server.url + target);
    const { status, headers } = reply;
    const text = await reply.text();
    // The fixture reads bodies of JSON only.
    expect(isDescribed({ method: "GET", target, status, headers, body: body ? text : "" })).toBe(true);
  }
});
