/** Longer than a request may take, since the timers of a hidden tab may come late. */
const LEASE_MS = 45_000;
const HEARTBEAT_MS = 5_000;

interface Lease {
  readonly owner: string;
  readonly untilMs: number;
}

export const LEASES = "lease";
const ONLY = "only";

/**
 * Does the work while no other tab does, in browsers without Web Locks (which pages over plain HTTP
 * lack everywhere): a record in the database names the tab that may, and until when. A tab that dies
 * keeps the others waiting for at most 45 s.
 *
 * @returns false when another tab has the lease; nothing is done then
 */
export async function withLease(db: IDBDatabase, owner: string, work: () => Promise<void>): Promise<boolean> {
  if (!(await renew(db, owner))) return false;
  const heartbeat = setInterval(() => void renew(db, owner).catch(() => {}), HEARTBEAT_MS);
  try {
    await work();
  } finally {
    clearInterval(heartbeat);
    await release(db, owner).catch(() => {});
  }
  return true;
}

/** Transactions that write follow one another across tabs, so looking and taking are one step. */
function renew(db: IDBDatabase, owner: string): Promise<boolean> {
  return change(db, owner, (store) => store.put({ owner, untilMs: Date.now() + LEASE_MS }, ONLY));
}

function release(db: IDBDatabase, owner: string): Promise<boolean> {
  return change(db, owner, (store) => store.delete(ONLY));
}

/** Makes the change unless the lease is another tab's; tells whether it was made. */
function change(db: IDBDatabase, owner: string, make: (store: IDBObjectStore) => void): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const transaction = db.transaction(LEASES, "readwrite");
    const store = transaction.objectStore(LEASES);
    let made = false;
    const found: IDBRequest<Lease | undefined> = store.get(ONLY);
    found.addEventListener("success", () => {
      const lease = found.result;
      if (lease !== undefined && lease.owner !== owner && lease.untilMs > Date.now()) return;
      made = true;
      make(store);
    });
    transaction.addEventListener("complete", () => resolve(made));
    transaction.addEventListener("abort", () => reject(transaction.error ?? new Error("aborted")));
  });
}
