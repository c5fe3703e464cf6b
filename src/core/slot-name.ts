/** What a directory in the journal's must be called to be a slot: others are left alone. It becomes part of receipts. */
export const SLOT_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
