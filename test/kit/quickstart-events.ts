// Made from the JSON Schemas of events by `millrace schema types`. Changes here are lost: change the schemas.

/** The data of each event type. */
export interface MillraceEvents {
  /** An order was paid */
  "checkout.paid": {
    /** Number of the order in the shop. */
    order_id: string;
    /** What the customer paid, tax and shipping included. */
    total: number;
    /** Currency of all amounts. */
    currency: "EUR" | "GBP" | "USD";
    /** Code of the coupon that was used. */
    coupon?: string;
    /**
     * Where the receipt went.
     * Format: email
     */
    email?: string;
    /**
     * When the payment was confirmed.
     * Format: date-time
     */
    paid_at?: string;
    /** What was bought, one entry for each product. */
    items: ReadonlyArray<{
      /** Article number. */
      sku: string;
      /** Price of one piece. */
      price: number;
      /** How many pieces. */
      quantity?: number;
    }>;
  };

  /** A page was viewed */
  "page.viewed": {
    /** Path of the page, without the host and the query. */
    path: string;
    /**
     * URL of the page, without the query.
     * Format: uri
     */
    url?: string;
    /** Title of the page. */
    title?: string;
    /**
     * Where the visitor came from.
     * Format: uri
     */
    referrer?: string;
    /**
     * One for each visit.
     * Format: uuid
     */
    session_id?: string;
    /** Time until the page was usable, in milliseconds. */
    load_ms?: number;
  };
}
