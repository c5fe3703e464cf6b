import type { ClaimStore } from "../../src/core/claim-store.ts";
import type { Position } from "../../src/core/event.ts";
import { joinedWithClaim } from "../../src/pipeline/testing/fake-claims.ts";
import type { Dice } from "./dice.ts";
import type { Life } from "./life.ts";
import type { World } from "./world.ts";

/** How a claim check behaves for a life of the collector. */
export type ClaimTemper = "takes" | "fails at times" | "is down" | "hangs at times";

/** When a claim check that is down is up again, by the time of the simulation. */
const DOWN_UNTIL_MS = 3_000;

/** Where the data of large events is kept: outside of the process, so that it lives on when that crashes. */
export class SimulatedClaims {
  readonly #world: World;
  readonly #stored = new Map<string, Buffer>();
  readonly #failed = new Set<string>();
  faultsAreOver = false;

  constructor(world: World) {
    this.#world = world;
  }

  /** An event as its consumers have it: one that was sent as a pointer is put together again. */
  joined(sink: string, bytes: Buffer): Buffer {
    return joinedWithClaim(bytes, (uri) => {
      const data = this.#stored.get(uri);
      if (data === undefined)
        this.#world.violate("claims", `${sink} was sent a pointer to ${uri}, where nothing is stored`);
      return data ?? Buffer.alloc(0);
    });
  }

  /** Whether the data of the event at a position could not be stored at times: it may be given up. */
  hasFailed(sink: string, position: Position): boolean {
    return this.#failed.has(`${sink} ${position}`);
  }

  /** The store of the pipeline of a sink. */
  store(sink: string, life: Life, dice: Dice, temper: ClaimTemper): ClaimStore {
    return {
      addressOf: ({ position, sha256 }) => `claim:${position}-${sha256}`,
      put: async (claim) => {
        if (!life.alive) return new Promise<void>(() => {});
        await this.#world.time.wait(dice.between(1, 50));
        const fails = this.#fails(temper, dice);
        if (fails) this.#failed.add(`${sink} ${claim.position}`);
        // What failed may be stored all the same.
        if (!fails || dice.chance(0.5)) this.#stored.set(`claim:${claim.position}-${claim.sha256}`, claim.bytes);
        this.#world.count(fails ? `claims: ${temper}` : "claims stored");
        if (fails && temper === "hangs at times") return new Promise<void>(() => {});
        if (fails) throw new Error("simulated failure of the claim check");
      },
      check: () => Promise.resolve([]),
      close: () => Promise.resolve(),
    };
  }

  #fails(temper: ClaimTemper, dice: Dice): boolean {
    if (temper === "takes" || this.faultsAreOver) return false;
    return temper === "is down" ? this.#world.time.nowMs < DOWN_UNTIL_MS : dice.chance(0.5);
  }
}
