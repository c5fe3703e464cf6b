/** Where an event was found. */
export interface Finding {
  /** What kind of place: `journal`, `archive`, `dead-letters`, `quarantine`, or the type of a sink. */
  readonly in: string;
  /** The sink whose place it is. */
  readonly sink?: string | undefined;
  /** File and line, key and line, slot and position, or index and id. */
  readonly at: string;
  /** When a collector received it, as the event or the entry says; absent when it does not. */
  readonly received?: string | undefined;
  /** Of dead letters and the quarantine: why it is there. */
  readonly code?: string | undefined;
  /** As it is kept there. */
  readonly event: string;
}

export interface FindProgress {
  /** What is being looked at. */
  readonly name: string;
  readonly bytesRead: number;
  readonly bytes: number;
}

/** Looks for events in one place. The seam for further places: a list of these is looked through. */
export interface Finder {
  /** For people: what it looks through. */
  readonly name: string;
  /** Rejects when the place cannot be looked at; what it has yielded holds all the same. */
  find(id: string, onProgress: (progress: FindProgress) => void): AsyncIterable<Finding>;
}
