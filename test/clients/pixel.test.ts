import { expect, test } from "vitest";
import { startChromium, whyNoChromium } from "../kit/chromium.ts";
import { startClientRig } from "./client-rig.ts";
import { conforms } from "./conformance.ts";
import { serveWebPage } from "./web-page-fixture.ts";

/** A browser has to start. */
const BROWSER_MS = 60_000;

test(
  "images in a page of another origin store their events, without scripts too, and none is shown as broken",
  async ({ skip }) => {
    await using chromium = await startChromium();
    if (chromium === undefined) return skip(whyNoChromium);
    await using rig = await startClientRig();
    const pixel = `${rig.origin}/v1/pixel.gif`;
    const json = Buffer.from('{"total": 24.50, "note": "größer"}').toString("base64url");
    await using web = await serveWebPage(
      `
<img src="${pixel}?key=wk_app&amp;type=mail.opened&amp;id=m-1&amp;campaign=fr%C3%BChling+1&amp;data.type=x" alt="">
<img src="${pixel}?key=wk_app&amp;type=checkout.paid&amp;id=m-2&amp;data=${json}" alt="">
<img src="${pixel}?key=wk_app&amp;id=m-3" alt="">
<noscript><img src="${pixel}?key=wk_app&amp;type=page.viewed&amp;id=m-4" alt=""></noscript>`,
    );
    const context = await chromium.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    const statuses: number[] = [];
    page.on("response", (reply) => {
      if (reply.url().startsWith(pixel)) statuses.push(reply.status());
    });
    await page.goto(web.origin, { waitUntil: "networkidle" });
    const arrived = await rig.arrived(3);
    expect(arrived.toSorted((a, b) => a.id.localeCompare(b.id))).toMatchObject([
      { id: "m-1", type: "mail.opened", source: "app", data: { campaign: "frühling 1", type: "x" } },
      { id: "m-2", type: "checkout.paid", data: { total: 24.5, note: "größer" } },
      { id: "m-4", type: "page.viewed" },
    ]);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 200, 200, 400]);
    const widths = await Promise.all((await page.locator("img").all()).map((img) => img.boundingBox()));
    expect(widths.map((box) => box?.width)).toEqual([1, 1, 1, 1]);
    await conforms("pixel", {
      protocol: "pixel",
      client: "img in Chromium",
      sent: "4 images in a page without scripts, one of them without a type",
      arrived: "3 of 3 that are events",
      clientSaw: "a transparent image for each; 400 for the one without a type",
    });
  },
  BROWSER_MS,
);
