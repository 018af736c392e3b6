/** Requests on `fetch`: with the key, a time-out for each try, and tried again as long as there is patience. */
import { GuildNotFound, problemOf, Unreachable } from "./errors.ts";
import { Patience, sleep } from "./retrying.ts";

export interface Options {
  /** For how long a request is tried again while the server is away, restarts, or asks to wait. 60,000 by default. */
  patienceMs?: number;
  /** For one try. 20,000 by default. */
  timeoutMs?: number;
  /** Instead of the global `fetch`. */
  fetch?: typeof globalThis.fetch;
}

export interface RequestOptions {
  /** Absent and undefined parameters are left out; lists are joined by commas. */
  query?: object | undefined;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is. A file that is a `Blob` need not fit into memory. */
  file?: { content: string | Uint8Array<ArrayBuffer> | Blob; type: string };
  /** For the audit log. */
  reason?: string | undefined;
  headers?: Record<string, string>;
  /** Whether a POST has an `Idempotency-Key`, so that it is done once. True by default. */
  once?: boolean;
  patienceMs?: number | undefined;
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface Answered {
  status: number;
  headers: Headers;
  body: Uint8Array<ArrayBuffer>;
}

export class Http {
  readonly #url: string;
  readonly #key: string;
  readonly #patienceMs: number;
  readonly #timeoutMs: number;
  readonly #fetch: typeof globalThis.fetch;

  constructor(url: string, key: string, options: Options) {
    this.#url = url.replace(/\/+$/, "");
    this.#key = key;
    this.#patienceMs = options.patienceMs ?? 60_000;
    this.#timeoutMs = options.timeoutMs ?? 20_000;
    this.#fetch = options.fetch ?? ((...given) => globalThis.fetch(...given));
  }

  /** A request that needs a 2xx answer. Returns its JSON, null if it has none. Throws `Problem`, `Unreachable`. */
  async json<T>(method: string, path: string, asked: RequestOptions = {}): Promise<T> {
    return decoded(await this.bytes(method, path, asked));
  }

  /** The same, for answers that are no JSON. */
  async bytes(method: string, path: string, asked: RequestOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const answer = await this.send(method, path, asked);
    if (!isGood(answer)) throw problemOf(answer.status, answer.body);
    return answer.body;
  }

  /** The same, where absence is an answer: false for 404. */
  async unlessAbsent(method: string, path: string): Promise<boolean> {
    const answer = await this.send(method, path);
    if (!isGood(answer) && answer.status !== 404) throw problemOf(answer.status, answer.body);
    return answer.status !== 404;
  }

  /** Throws `GuildNotFound` if a 404 about a member came because the guild itself is missing. */
  async findGuild(guildId: string): Promise<void> {
    // With the scope that the member's profile needs, too.
    const answer = await this.send("GET", `/v1/guilds/${segment(guildId)}/leaderboard`, { query: { limit: 1 } });
    if (answer.status === 404) throw problemOf(answer.status, answer.body, GuildNotFound);
  }

  /** A request and its whole answer, whatever its status. Throws `Unreachable`, and the signal's reason. */
  async send(method: string, path: string, asked: RequestOptions = {}): Promise<Answered> {
    const headers = { ...asked.headers };
    if (method === "POST" && asked.once !== false) headers["Idempotency-Key"] = crypto.randomUUID();
    const patience = new Patience(asked.patienceMs ?? this.#patienceMs);
    for (;;) {
      const [answer, error] = await this.#tried(method, path, { ...asked, headers });
      asked.signal?.throwIfAborted();
      const ms = patience.wait(answer?.status ?? null, answer?.headers);
      if (ms === null && answer !== null) return answer;
      if (ms === null) throw new Unreachable(`${method} ${path}: ${error}`, { cause: error });
      await sleep(ms, asked.signal);
    }
  }

  /** One request, whose answer's body is not read. */
  async open(method: string, path: string, asked: RequestOptions): Promise<Response> {
    const headers: Record<string, string> = { Authorization: `Bearer ${this.#key}`, ...asked.headers };
    if (asked.reason !== undefined) headers["X-Audit-Log-Reason"] = encodeURIComponent(asked.reason);
    const init: RequestInit = { method, headers };
    if (asked.signal !== undefined) init.signal = asked.signal;
    if (asked.body !== undefined) {
      headers["Content-Type"] = "application/json";
      init.body = JSON.stringify(asked.body);
    }
    if (asked.file !== undefined) {
      headers["Content-Type"] = asked.file.type;
      init.body = asked.file.content;
    }
    return this.#fetch(this.#url + path + search(asked.query), init);
  }

  async #tried(method: string, path: string, asked: RequestOptions): Promise<[Answered | null, unknown]> {
    const limit = AbortSignal.timeout(asked.timeoutMs ?? this.#timeoutMs);
    const signal = asked.signal === undefined ? limit : AbortSignal.any([limit, asked.signal]);
    try {
      const response = await this.open(method, path, { ...asked, signal });
      const body = new Uint8Array(await response.arrayBuffer()); // where a connection may break as well
      return [{ status: response.status, headers: response.headers, body }, null];
    } catch (error) {
      return [null, error];
    }
  }
}

export function isGood(answer: { status: number }): boolean {
  return answer.status >= 200 && answer.status < 300;
}

export function decoded<T>(body: Uint8Array): T {
  return JSON.parse(body.length === 0 ? "null" : new TextDecoder().decode(body)) as T;
}

/** An id or a name as a segment of a path. */
export function segment(text: string): string {
  return encodeURIComponent(text);
}

function search(query: object | undefined): string {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null);
  return given.length === 0 ? "" : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}
