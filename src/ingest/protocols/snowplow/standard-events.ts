import type { SnowplowParameters } from "./snowplow-parameters.ts";

/** An event that the protocol itself defines. */
interface StandardEvent {
  /** As in the column `event` of Snowplow's events table. */
  readonly type: string;
  /** Its parameters, with their columns in that table, which are their names in `data`. */
  readonly columns: ReadonlyMap<string, string>;
}

const PAGE = [
  ["url", "page_url"],
  ["page", "page_title"],
  ["refr", "page_referrer"],
] as const;

/**
 * By the parameter `e`.
 *
 * Source: Snowplow's tracker protocol, "Event parameters"
 * (https://docs.snowplow.io/docs/events/going-deeper/event-parameters).
 */
const STANDARD_EVENTS: ReadonlyMap<string, StandardEvent> = new Map([
  ["pv", { type: "page_view", columns: new Map(PAGE) }],
  [
    "pp",
    {
      type: "page_ping",
      columns: new Map([
        ...PAGE,
        ["pp_mix", "pp_xoffset_min"],
        ["pp_max", "pp_xoffset_max"],
        ["pp_miy", "pp_yoffset_min"],
        ["pp_may", "pp_yoffset_max"],
      ]),
    },
  ],
  [
    "se",
    {
      type: "struct",
      columns: new Map([
        ["se_ca", "se_category"],
        ["se_ac", "se_action"],
        ["se_la", "se_label"],
        ["se_pr", "se_property"],
        ["se_va", "se_value"],
      ]),
    },
  ],
  [
    "tr",
    {
      type: "transaction",
      columns: new Map([
        ["tr_id", "tr_orderid"],
        ["tr_af", "tr_affiliation"],
        ["tr_tt", "tr_total"],
        ["tr_tx", "tr_tax"],
        ["tr_sh", "tr_shipping"],
        ["tr_ci", "tr_city"],
        ["tr_st", "tr_state"],
        ["tr_co", "tr_country"],
        ["tr_cu", "tr_currency"],
      ]),
    },
  ],
  [
    "ti",
    {
      type: "transaction_item",
      columns: new Map([
        ["ti_id", "ti_orderid"],
        ["ti_sk", "ti_sku"],
        ["ti_nm", "ti_name"],
        ["ti_ca", "ti_category"],
        ["ti_pr", "ti_price"],
        ["ti_qu", "ti_quantity"],
        ["ti_cu", "ti_currency"],
      ]),
    },
  ],
]);

/** Columns that are numbers, which the protocol sends as text. */
const NUMBERS: ReadonlySet<string> = new Set([
  "pp_xoffset_min",
  "pp_xoffset_max",
  "pp_yoffset_min",
  "pp_yoffset_max",
  "se_value",
  "tr_total",
  "tr_tax",
  "tr_shipping",
  "ti_price",
  "ti_quantity",
]);

const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** For who sends another `e`. */
export const STANDARD_EVENT_CODES: readonly string[] = [...STANDARD_EVENTS.keys()];

export function standardEventOf(code: string): StandardEvent | undefined {
  return STANDARD_EVENTS.get(code);
}

/** The `data` of a standard event, as JSON text: its own parameters, with all digits that numbers were sent with. */
export function dataOf({ columns }: StandardEvent, parameters: SnowplowParameters): Buffer {
  const members: string[] = [];
  for (const [name, column] of columns) {
    const parameter = parameters.get(name);
    if (parameter === undefined) continue;
    const { text, json } = parameter;
    const isNumber = text !== undefined && NUMBERS.has(column) && JSON_NUMBER.test(text);
    members.push(`${JSON.stringify(column)}:${isNumber ? text : json}`);
  }
  return Buffer.from(`{${members.join(",")}}`);
}
