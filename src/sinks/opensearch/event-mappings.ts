import type { OpensearchConfig } from "./config.ts";

/** Lucene takes no term over 32,766 bytes; what is longer is kept and not searchable by this field. */
const keyword = { type: "keyword", ignore_above: 1_024 };

/** Attributes of CloudEvents, and those that the collector and its protocols add, which are text. */
const KEYWORDS = [
  "id",
  "type",
  "source",
  "sendersource",
  "subject",
  "specversion",
  "datacontenttype",
  "dataschema",
  "collector",
  "useragent",
  "browser",
  "browserversion",
  "os",
  "osversion",
  "device",
  "geocountry",
  "georegion",
  "geocity",
  "userid",
  "anonymousid",
  "sessionid",
  "domainuserid",
  "networkuserid",
];

/**
 * How an event's members are mapped. Members that are not listed are kept and not searchable, so
 * that senders cannot fill the mapping with names of theirs.
 */
export function eventMappings(data: OpensearchConfig["setup"]["data"], isElastic: boolean) {
  return {
    dynamic: "false",
    properties: {
      "@timestamp": { type: "date" },
      // A leap second is a time to the sender and none to the server.
      time: { type: "date", ignore_malformed: true },
      receivedtime: { type: "date" },
      idassigned: { type: "boolean" },
      ...Object.fromEntries(KEYWORDS.map((name) => [name, keyword])),
      // A hashed address is none; `clientip.ip` has those that are, for ranges.
      clientip: { ...keyword, fields: { ip: { type: "ip", ignore_malformed: true } } },
      data: dataMapping(data, isElastic),
    },
    ...(data === "dynamic" && {
      dynamic_templates: [{ text_of_data: { path_match: "data.*", match_mapping_type: "string", mapping: keyword } }],
    }),
  };
}

function dataMapping(data: OpensearchConfig["setup"]["data"], isElastic: boolean) {
  switch (data) {
    case "flat":
      return isElastic ? { type: "flattened", ignore_above: 8_000 } : { type: "flat_object" };
    case "dynamic":
      return { type: "object", dynamic: "true" };
    case "stored":
      return { type: "object", enabled: false };
  }
}
