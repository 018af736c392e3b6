/**
 * Sends events in batches, and keeps them while the server is away.
 *
 * Each event has an id and counts once, however often it is sent. So whatever may not have arrived is sent again.
 */
import type { Guildhall } from "./client.ts";
import { Problem, Unreachable } from "./errors.ts";
import { sleep } from "./retrying.ts";
import type { Spool } from "./spool.ts";
import type { Activity, ActivityEvent } from "./types.ts";

/** An event, of now unless it has `occurred_at`, with a new id unless it has one. */
export type NewEvent = ActivityEvent extends infer Each
  ? Each extends unknown
    ? Omit<Each, "id" | "occurred_at"> & { id?: string; occurred_at?: string }
    : never
  : never;

export interface BatcherOptions {
  /** Called with each answer and its guild: level-ups to announce, roles to give. */
  answered?: (guildId: string, answer: Activity) => unknown;
  /** How often events are sent. 1,000 by default. */
  everyMs?: number;
  /** How many events of a guild are sent together; as soon as there are as many, they are sent. 500 by default. */
  atOnce?: number;
  /** How many events are kept. Then the oldest go. 100,000 by default. */
  most?: number;
  /** Keeps events beyond the end of this process. Node: `FileSpool` of `guildhall-client/node`. */
  spool?: Spool;
  /** Messages for the bot's author. `console.error` by default. */
  log?: (message: string, error: unknown) => void;
}

// Sending it again does not mend it. 401 and 403 are not among them: a key may be put right.
const HOPELESS = new Set([400, 404, 413, 415, 422]);
const LONGEST_WAIT_MS = 30_000;

export class Batcher {
  /** How many events were given up: too many to keep, or refused. */
  dropped = 0;
  readonly #guildhall: Guildhall;
  readonly #options: Required<Omit<BatcherOptions, "spool" | "answered">> & BatcherOptions;
  readonly #waiting = new Map<string, ActivityEvent[]>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #size = 0;
  #wake: (() => void) | null = null;
  #isDue = false;
  #idle: (() => void)[] = [];

  private constructor(guildhall: Guildhall, options: BatcherOptions, kept: Iterable<[string, ActivityEvent]>) {
    this.#guildhall = guildhall;
    this.#options = { everyMs: 1000, atOnce: 500, most: 100_000, log: console.error, ...options };
    for (const [guildId, event] of kept) this.#queue(guildId, event);
    this.#running = this.#run();
  }

  /** Takes over what the spool has kept, and begins to send. */
  static async start(guildhall: Guildhall, options: BatcherOptions = {}): Promise<Batcher> {
    return new Batcher(guildhall, options, (await options.spool?.load()) ?? []);
  }

  /** How many events wait. */
  get size(): number {
    return this.#size;
  }

  /** Never waits. An `id` makes an event count once: use a message's own, for example. */
  add(guildId: string, event: NewEvent): void {
    const whole = { id: crypto.randomUUID(), occurred_at: new Date().toISOString(), ...event } as ActivityEvent;
    this.#keep((spool) => spool.add(guildId, whole));
    this.#queue(guildId, whole);
  }

  /** Resolves when no event waits. */
  async flush(): Promise<void> {
    if (this.#size === 0) return;
    const idle = new Promise<void>((resolve) => this.#idle.push(resolve));
    this.#due();
    await idle;
  }

  /** Sends what waits, for `timeoutMs` at most. Returns how many events were not sent; the spool still has them. */
  async close(timeoutMs = 10_000): Promise<number> {
    if (timeoutMs > 0) {
      const over = new AbortController();
      await Promise.race([this.flush(), sleep(timeoutMs, over.signal).catch(() => undefined)]);
      over.abort();
    }
    this.#stop.abort();
    this.#due();
    await this.#running;
    this.#keep((spool) => spool.close());
    return this.#size;
  }

  #queue(guildId: string, event: ActivityEvent): void {
    if (this.#size >= this.#options.most) this.#dropOldest();
    const queue = this.#waiting.get(guildId) ?? [];
    this.#waiting.set(guildId, queue);
    queue.push(event);
    this.#size++;
    if (queue.length >= this.#options.atOnce) this.#due();
  }

  /** Of the guild that waits longest. */
  #dropOldest(): void {
    for (const [guildId, queue] of this.#waiting) {
      this.dropped++;
      return this.#gone(guildId, queue, queue.splice(0, 1));
    }
  }

  /** Of a batch. While it was on its way, some of it may have been dropped as the oldest. */
  #forget(guildId: string, batch: readonly ActivityEvent[]): void {
    const wanted = new Set(batch);
    const queue = this.#waiting.get(guildId) ?? [];
    const first = queue.splice(0, this.#options.atOnce);
    queue.unshift(...first.filter((event) => !wanted.has(event)));
    this.#gone(guildId, queue, first.filter((event) => wanted.has(event)));
  }

  #gone(guildId: string, queue: readonly ActivityEvent[], events: readonly ActivityEvent[]): void {
    this.#size -= events.length;
    if (queue.length === 0) this.#waiting.delete(guildId);
    if (events.length > 0) this.#keep((spool) => spool.remove(guildId, events.map((event) => event.id)));
    if (queue.length >= this.#options.atOnce || (queue.length > 0 && this.#idle.length > 0)) this.#due();
    if (this.#size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  async #run(): Promise<void> {
    let wait = this.#options.everyMs;
    while (!this.#stop.signal.aborted) {
      await this.#until(wait);
      if (await this.#sendAll()) {
        wait = this.#options.everyMs;
      } else {
        await sleep(wait, this.#stop.signal).catch(() => undefined);
        this.#isDue = true;
        wait = Math.min(Math.max(wait, 100) * 2, LONGEST_WAIT_MS);
      }
    }
  }

  /** One batch of each guild. False if the server is away, or does not let this key in. */
  async #sendAll(): Promise<boolean> {
    for (const guildId of [...this.#waiting.keys()]) {
      const batch = this.#waiting.get(guildId)?.slice(0, this.#options.atOnce) ?? [];
      if (batch.length === 0) continue;
      if (this.#stop.signal.aborted) return true;
      try {
        const answer = await this.#guildhall.record(guildId, batch, this.#stop.signal);
        this.#forget(guildId, batch);
        await this.#answered(guildId, answer);
      } catch (error) {
        if (!(error instanceof Problem && HOPELESS.has(error.status))) {
          if (!(error instanceof Unreachable) && !this.#stop.signal.aborted) this.#options.log("events wait", error);
          return false;
        }
        const bad = malformed(error, batch);
        this.dropped += bad.length;
        this.#options.log(`${bad.length} events of guild ${guildId} are lost`, error);
        this.#forget(guildId, bad);
      }
    }
    return true;
  }

  async #answered(guildId: string, answer: Activity): Promise<void> {
    try {
      await this.#options.answered?.(guildId, answer);
    } catch (error) {
      this.#options.log(`the callback for guild ${guildId} failed`, error);
    }
  }

  /** The spool is a safeguard: if it fails, the events in memory are sent all the same. */
  #keep(change: (spool: Spool) => void): void {
    try {
      if (this.#options.spool !== undefined) change(this.#options.spool);
    } catch (error) {
      this.#options.log("the spool failed", error);
    }
  }

  #due(): void {
    this.#isDue = true;
    this.#wake?.();
  }

  async #until(ms: number): Promise<void> {
    if (!this.#isDue) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#wake = null;
    this.#isDue = false;
  }
}

/** The events that a 422 points at, `/events/3/user_id`; without a pointer, all. */
function malformed(problem: Problem, batch: readonly ActivityEvent[]): ActivityEvent[] {
  const places = new Set(
    problem.errors.map((fault) => /^\/events\/(\d+)/.exec("pointer" in fault ? fault.pointer : "")?.[1]),
  );
  const found = batch.filter((_, place) => places.has(String(place)));
  return found.length > 0 ? found : [...batch];
}
