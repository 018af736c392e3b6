/** Imports from other bots, and the export of a guild. */
import { problemOf } from "./errors.ts";
import { segment, type Http } from "./http.ts";
import { sleep } from "./retrying.ts";
import type { Import, Query, Schema } from "./types.ts";

type Begin = Query<"begin_import">;

const TYPES: Partial<Record<Begin["source"], string>> = {
  csv: "text/csv",
  events: "application/x-ndjson",
  guildhall: "application/x-ndjson",
};
const UPLOAD_TIMEOUT_MS = 600_000;

export class Imports {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /**
   * Sends a file and begins its import. `type` is its media type; by default JSON, CSV or NDJSON, as the source has it.
   * Node's `fs.openAsBlob` makes a large file a `Blob` without reading it.
   */
  begin(
    guildId: string,
    content: string | Uint8Array<ArrayBuffer> | Blob,
    { type, reason, ...query }: Begin & { type?: string; reason?: string },
  ): Promise<Import> {
    const file = { content, type: type ?? TYPES[query.source] ?? "application/json" };
    const path = `/v1/guilds/${segment(guildId)}/imports`;
    return this.#http.json("POST", path, { query, file, reason, timeoutMs: UPLOAD_TIMEOUT_MS });
  }

  /** A page of a guild's imports, the newest first. */
  list(guildId: string, query: Query<"list_imports"> = {}): Promise<Schema<"ImportViewPage">> {
    return this.#http.json("GET", `/v1/guilds/${segment(guildId)}/imports`, { query });
  }

  get(importId: string): Promise<Import> {
    return this.#http.json("GET", `/v1/imports/${segment(importId)}`);
  }

  /** Asks every `everyMs` until the import is `finished` or `failed`, and returns it. */
  async finished(importId: string, { everyMs = 1000, signal }: Waiting = {}): Promise<Import> {
    for (;;) {
      const found = await this.get(importId);
      if (found.status === "finished" || found.status === "failed") return found;
      await sleep(everyMs, signal);
    }
  }

  /** The guild as NDJSON, in pieces as they come. It is not sent again if it breaks off: then this throws. */
  async *export(guildId: string, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    const path = `/v1/guilds/${segment(guildId)}/export`;
    const response = await this.#http.open("GET", path, { signal });
    if (!response.ok) throw problemOf(response.status, new Uint8Array(await response.arrayBuffer()));
    const reader = response.body?.getReader();
    try {
      for (let read = await reader?.read(); read?.value !== undefined; read = await reader?.read()) yield read.value;
    } finally {
      await reader?.cancel();
    }
  }
}

interface Waiting {
  everyMs?: number;
  signal?: AbortSignal;
}
