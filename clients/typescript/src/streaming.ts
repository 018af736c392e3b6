/** The event stream: Server-Sent Events, opened again after the last event whenever the connection breaks. */
import { problemOf } from "./errors.ts";
import type { Http } from "./http.ts";
import { FIRST_WAIT_MS, LONGEST_WAIT_MS, retryAfterMs, sleep } from "./retrying.ts";
import type { StreamEvent } from "./types.ts";

// A comment comes every 15 seconds. If three are missing, nobody is there.
const SILENCE_MS = 45_000;
const PASSING = new Set([429, 502, 503, 504]);

export interface EventOptions {
  guildId?: string;
  types?: readonly string[];
  /** Go on after this event. Without it, the stream begins now. */
  lastEventId?: string;
  /** Ends the stream. */
  signal?: AbortSignal;
}

/** Events without end. Throws `Problem` for what another try does not mend; 410 if what was missed is gone. */
export async function* events(http: Http, options: EventOptions): AsyncGenerator<StreamEvent, void, undefined> {
  let { lastEventId } = options;
  let wait = FIRST_WAIT_MS;
  while (options.signal?.aborted !== true) {
    const connection = new Connection(options.signal);
    let asked: number | null = null;
    try {
      const response = await connection.open(http, options, lastEventId);
      if (response?.ok === true) {
        wait = FIRST_WAIT_MS;
        // Where it begins: a connection that breaks before the first event loses nothing.
        lastEventId = response.headers.get("last-event-id") ?? lastEventId;
        for await (const event of parsed(connection.chunks(response))) {
          lastEventId = event.id;
          yield event;
        }
      } else if (response !== null) {
        asked = retryAfterMs(response.headers);
        if (!PASSING.has(response.status)) {
          throw problemOf(response.status, new Uint8Array(await response.arrayBuffer()));
        }
      }
    } finally {
      connection.close();
    }
    await sleep(Math.max(asked ?? wait, FIRST_WAIT_MS), options.signal).catch(() => undefined);
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
}

/** One connection, which is closed when nothing has come for long. */
class Connection {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(outer: AbortSignal | undefined) {
    this.#outer = outer;
    outer?.addEventListener("abort", this.close, { once: true });
    this.#heard();
  }

  /** The answer; null if there was none. */
  async open(http: Http, options: EventOptions, lastEventId: string | undefined): Promise<Response | null> {
    const headers: Record<string, string> = { Accept: "text/event-stream" };
    if (lastEventId !== undefined) headers["Last-Event-ID"] = lastEventId;
    const types = options.types?.length ? options.types : undefined;
    const query = { guild_id: options.guildId, types };
    return http.open("GET", "/v1/events", { query, headers, signal: this.#controller.signal }).catch(() => null);
  }

  /** The body, until it ends or breaks. */
  async *chunks(response: Response): AsyncGenerator<Uint8Array, void, undefined> {
    const reader = response.body?.getReader();
    while (reader !== undefined) {
      const read = await reader.read().catch(() => null);
      if (read === null || read.value === undefined) return;
      this.#heard();
      yield read.value;
    }
  }

  close = (): void => {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener("abort", this.close);
    this.#controller.abort();
  };

  #heard(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.close, SILENCE_MS);
  }
}

/** The events of a stream. Comments, and what is cut off at the end, are passed over. */
export async function* parsed(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<StreamEvent, void, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  let fields = new Map<string, string[]>();
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines.map((each) => each.replace(/\r$/, ""))) {
      if (line !== "") {
        const [, name = "", value = ""] = /^([^:]*):? ?([^]*)$/.exec(line) ?? [];
        fields.set(name, [...(fields.get(name) ?? []), value]);
        continue;
      }
      const [id, data] = [fields.get("id")?.at(-1), fields.get("data")];
      const event = fields.get("event")?.at(-1) ?? "message";
      fields = new Map();
      if (id !== undefined && data !== undefined) yield { id, event, data: JSON.parse(data.join("\n")) };
    }
  }
}
