import type { ActivityEvent } from "./types.ts";

/**
 * Keeps events that are not sent yet beyond the end of a process. `add` and `remove` must not wait: write, or remember
 * to write soon.
 */
export interface Spool {
  /** What an earlier process has left, oldest first. Called once, before anything else. */
  load(): Iterable<[guildId: string, event: ActivityEvent]> | Promise<Iterable<[guildId: string, event: ActivityEvent]>>;
  add(guildId: string, event: ActivityEvent): void;
  /** These were sent, or are given up. */
  remove(guildId: string, ids: readonly string[]): void;
  close(): void;
}
