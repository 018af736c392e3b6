/** Webhooks of a guild, and the check of what they deliver. */
import { BadSignature } from "./errors.ts";
import { segment, type Http } from "./http.ts";
import type { Delivered, Delivery, Query, Schema, Webhook } from "./types.ts";

export class Webhooks {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** Only this answer has the `secret` with which deliveries are checked. */
  create(guildId: string, body: Schema<"CreateWebhook">, reason?: string): Promise<Webhook> {
    return this.#http.json("POST", place(guildId), { body, reason });
  }

  list(guildId: string, query: Query<"list_webhooks"> = {}): Promise<Schema<"WebhookViewPage">> {
    return this.#http.json("GET", place(guildId), { query });
  }

  get(guildId: string, webhookId: string): Promise<Webhook> {
    return this.#http.json("GET", place(guildId, webhookId));
  }

  patch(guildId: string, webhookId: string, body: Schema<"PatchWebhook">, reason?: string): Promise<Webhook> {
    return this.#http.json("PATCH", place(guildId, webhookId), { body, reason });
  }

  async delete(guildId: string, webhookId: string, reason?: string): Promise<void> {
    await this.#http.bytes("DELETE", place(guildId, webhookId), { reason });
  }

  /** Sends a test event now, and returns the result. */
  test(guildId: string, webhookId: string): Promise<Delivery> {
    return this.#http.json("POST", `${place(guildId, webhookId)}/test`);
  }

  deliveries(
    guildId: string,
    webhookId: string,
    query: Query<"list_deliveries"> = {},
  ): Promise<Schema<"DeliveryViewPage">> {
    return this.#http.json("GET", `${place(guildId, webhookId)}/deliveries`, { query });
  }
}

function place(guildId: string, webhookId?: string): string {
  const all = `/v1/guilds/${segment(guildId)}/webhooks`;
  return webhookId === undefined ? all : `${all}/${segment(webhookId)}`;
}

/**
 * A webhook's delivery, if it is Guildhall's. `signature` is the header `Guildhall-Signature`, `body` the request's body
 * byte for byte, before anything parses it. Throws `BadSignature`, also if it is older than `toleranceSeconds`.
 */
export async function verifyDelivery(
  secret: string,
  signature: string | null | undefined,
  body: string | Uint8Array,
  { toleranceSeconds = 300, now = Date.now() }: { toleranceSeconds?: number; now?: number } = {},
): Promise<Delivered> {
  const parts = (signature ?? "").split(",").map((part) => part.trim().split("=", 2));
  const time = parts.find(([name]) => name === "t")?.[1] ?? "";
  if (!/^\d{1,12}$/.test(time)) throw new BadSignature("The delivery has no readable Guildhall-Signature.");
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const signed = new Uint8Array([...new TextEncoder().encode(`${time}.`), ...bytes]);
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", new TextEncoder().encode(secret), algorithm, false, ["verify"]);
  const matches = await Promise.all(
    parts.filter(([name]) => name === "v1").map(([, hex]) => crypto.subtle.verify("HMAC", key, fromHex(hex), signed)),
  );
  if (!matches.includes(true)) throw new BadSignature("The signature does not fit the body and the secret.");
  if (Math.abs(now / 1000 - Number(time)) > toleranceSeconds) throw new BadSignature("The delivery is too old.");
  return JSON.parse(new TextDecoder().decode(bytes)) as Delivered;
}

function fromHex(hex = ""): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.match(/[0-9a-f]{2}/g) ?? [], (pair) => Number.parseInt(pair, 16));
}
