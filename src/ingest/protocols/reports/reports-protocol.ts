import type { RequestHead } from "../../exchange.ts";
import { essenceOf } from "../media-type.ts";
import type { BodyReader, Protocol } from "../protocol.ts";
import { readCspReport, readReports } from "./read-reports.ts";

const READERS: ReadonlyMap<string, BodyReader> = new Map([
  ["application/reports+json", readReports],
  ["application/csp-report", readCspReport],
]);

/**
 * What browsers report of their own accord: the Reporting API (violations of policies, crashes,
 * deprecations, failed requests), and its forerunner `report-uri`.
 */
export const reportsProtocol: Protocol = {
  name: "reports",
  endpoints: [
    {
      path: "/v1/reports",
      methods: ["POST"],
      mediaTypes: [...READERS.keys()],
      readerOf: ({ headers }: RequestHead) => READERS.get(essenceOf(headers["content-type"] ?? "")),
    },
  ],
};
