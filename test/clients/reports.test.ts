import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:https";
import { expect, test } from "vitest";
import { certificateFolder, FIRST } from "../../src/ingest/tls/tls-fixture.ts";
import { startChromium, whyNoChromium } from "../kit/chromium.ts";
import { waitFor } from "../kit/wait-for.ts";
import { type ArrivedEvent, type ClientRig, startClientRig } from "./client-rig.ts";
import { conforms } from "./conformance.ts";

/** What a `ReportingObserver` in the page is told of a report that the browser also sends. */
interface ObservedReport {
  readonly type: string;
  readonly url: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A page by its path: its headers, and a script that does what they forbid. */
type Pages = Readonly<
  Record<string, { readonly headers: Readonly<Record<string, string>>; readonly script: string } | "reset">
>;

/** @param collector whose source has the path `/r` of its own */
function pagesFor(collector: string): Pages {
  const endpoint = `${collector}/v1/reports?key=wk_app`;
  const defaultEndpoint = { "Reporting-Endpoints": `default="${endpoint}"` };
  const nel = { report_to: "nel", max_age: 3_600, success_fraction: 0, failure_fraction: 1 };
  return {
    "/report-to": {
      headers: {
        "Reporting-Endpoints": `csp="${collector}/r"`,
        "Content-Security-Policy": "script-src 'self'; report-to csp",
      },
      script: "window.ran = true",
    },
    "/report-uri": {
      headers: { "Content-Security-Policy": `script-src 'self'; report-uri ${endpoint}` },
      script: "window.ran = true",
    },
    "/intervention": { headers: defaultEndpoint, script: "navigator.vibrate(200)" },
    "/deprecation": {
      headers: defaultEndpoint,
      script: 'const request = new XMLHttpRequest(); request.open("GET", "/empty", false); request.send()',
    },
    "/permissions": {
      headers: { ...defaultEndpoint, "Permissions-Policy": "geolocation=()" },
      script: "navigator.geolocation.getCurrentPosition(() => {}, () => {})",
    },
    "/embedder": {
      headers: { ...defaultEndpoint, "Cross-Origin-Embedder-Policy": 'require-corp; report-to="default"' },
      script: `new Image().src = "${collector}/livez"`,
    },
    "/crash": { headers: defaultEndpoint, script: "" },
    "/nel": {
      headers: {
        "Report-To": JSON.stringify({ group: "nel", max_age: 3_600, endpoints: [{ url: endpoint }] }),
        NEL: JSON.stringify(nel),
      },
      script: "",
    },
    "/reset": "reset",
  };
}

/** Runs in each page before its own script. */
const OBSERVE = `
  globalThis.seen = [];
  new ReportingObserver((reports) => seen.push(...reports.map((each) => each.toJSON())), { buffered: true }).observe();
`;

/** Browsers take the headers that name endpoints over HTTPS only. */
async function servePages(pages: Pages) {
  const server = createServer(FIRST, (request, response) => {
    const page = pages[request.url ?? ""];
    if (page === "reset") return response.destroy();
    if (page === undefined) return response.writeHead(204).end();
    response.writeHead(200, { "Content-Type": "text/html", ...page.headers });
    return response.end(`<!doctype html><title>page</title><script>${page.script}</script>`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server listens on a port");
  return {
    origin: `https://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** Of the fixture's certificate, which Chromium is told to trust: it sends no reports over a connection that it does not. */
function trustedKey(): string {
  const key = new X509Certificate(FIRST.cert).publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(key).digest("base64");
}

/** A page is told of members that have no value too, and of one by its newer name. */
function toldOf(report: ObservedReport | undefined): Record<string, unknown> {
  const members = Object.entries(report?.body ?? {}).filter(([, value]) => value !== null);
  return Object.fromEntries(members.map(([name, value]) => [name === "featureId" ? "policyId" : name, value]));
}

/** The first event of a type, for a page. */
async function arrivedOf(rig: ClientRig, type: string, url: string): Promise<ArrivedEvent> {
  let found: ArrivedEvent | undefined;
  await waitFor(async () => {
    const arrived = await rig.arrived(0);
    found = arrived.find((event) => event.type === type && event["url"] === url);
    return found !== undefined;
  }, 60_000);
  if (found === undefined) throw new Error(`no ${type} has arrived`);
  return found;
}

test(
  "what Chromium reports of its own accord arrives as it tells the page itself, and crashes and failed requests besides",
  { timeout: 240_000 },
  async ({ skip }) => {
    // By default reports are kept for a minute.
    await using chromium = await startChromium([
      "--short-reporting-delay",
      `--ignore-certificate-errors-spki-list=${trustedKey()}`,
    ]);
    if (chromium === undefined) return skip(whyNoChromium);
    await using folder = await certificateFolder();
    await using rig = await startClientRig({ tls: folder.config, source: 'paths: { "/r": "/v1/reports" }' });
    await using site = await servePages(pagesFor(rig.origin));
    const page = await chromium.newPage();
    await page.addInitScript({ content: OBSERVE });

    const observed: string[] = [];
    for (const [path, type] of [
      ["/report-to", "csp-violation"],
      ["/intervention", "intervention"],
      ["/deprecation", "deprecation"],
      ["/permissions", "permissions-policy-violation"],
    ] as const) {
      await page.goto(site.origin + path);
      await page.waitForFunction("seen.length > 0");
      const seen = await page.evaluate<readonly ObservedReport[]>("seen");
      const report = seen.find((each) => each.type === type);
      const event = await arrivedOf(rig, `report.${type}`, site.origin + path);
      const told = toldOf(report);
      expect(Object.keys(told).length).toBeGreaterThan(3);
      expect(event.data).toEqual(told);
      expect(Date.parse(event.time)).toBeLessThanOrEqual(Date.parse(String(event["receivedtime"])));
      expect(JSON.parse(String(event["reports"]))).toEqual({ user_agent: event["useragent"] });
      observed.push(event.type);
    }

    await page.goto(`${site.origin}/report-uri`);
    const legacy = await arrivedOf(rig, "report.csp-report", `${site.origin}/report-uri`);
    expect(legacy.data).toMatchObject({ "blocked-uri": "inline", "effective-directive": "script-src-elem" });

    await page.goto(`${site.origin}/embedder`);
    const embedder = await arrivedOf(rig, "report.coep", `${site.origin}/embedder`);
    expect(embedder.data).toMatchObject({ blockedURL: `${rig.origin}/livez`, type: "corp" });

    await page.goto(`${site.origin}/nel`);
    await expect(page.goto(`${site.origin}/reset`)).rejects.toThrow("ERR_EMPTY_RESPONSE");
    const failed = await arrivedOf(rig, "report.network-error", `${site.origin}/reset`);
    expect(failed.data).toMatchObject({ method: "GET", server_ip: "127.0.0.1" });

    const doomed = await chromium.newPage();
    await doomed.goto(`${site.origin}/crash`);
    await Promise.all([doomed.waitForEvent("crash"), expect(doomed.goto("chrome://crash")).rejects.toThrow("goto")]);
    const crash = await arrivedOf(rig, "report.crash", `${site.origin}/crash`);
    expect(crash.data).toMatchObject({ is_top_level: true });

    const others = [legacy.type, embedder.type, failed.type, crash.type];
    await conforms("reports-chromium", {
      protocol: "reports",
      client: "Chromium",
      sent: "what pages violated, by report-to to a path of the source's own and by report-uri; a request that was cut off (NEL); a page that crashed",
      arrived: `${[...observed, ...others].join(", ")}: each with the body that the page was told too, where it is told`,
      clientSaw: `${observed.length} reports in a ReportingObserver`,
    });
  },
);
