/**
 * The event that every benchmark sends: 565 bytes, a checkout as a browser would report it.
 * Its schema, with 12 rules, is `bench/schemas/checkout.paid.json`.
 */
export function sampleEvent(index: number): string {
  const id = `01890a5d-ac96-774b-bcce-${index.toString(16).padStart(12, "0")}`;
  const event = {
    type: "checkout.paid",
    id,
    time: "2026-11-23T12:00:00.000Z",
    data: {
      orderId: `ord_${String(index).padStart(10, "0")}`,
      userId: "usr_01H8XGJWBWBAQ4",
      total: 129.9,
      currency: "EUR",
      items: [
        { sku: "MR-1001-BLK", name: "Trail shoe, black, 42", quantity: 1, price: 89.9 },
        { sku: "MR-2044-GRY", name: "Running sock, grey", quantity: 4, price: 10 },
      ],
      page: { url: "https://shop.example/checkout/confirmation", referrer: "https://shop.example/cart" },
      coupon: null,
      newCustomer: false,
    },
    padding: "",
  };
  const bare = JSON.stringify(event).length;
  event.padding = "x".repeat(Math.max(0, SAMPLE_EVENT_BYTES - bare));
  return JSON.stringify(event);
}

export const SAMPLE_EVENT_BYTES = 565;
