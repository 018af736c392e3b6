/** Guildhall's REST API from TypeScript and JavaScript. `Guildhall` asks, `Batcher` sends events, `events` listens. */
export { Batcher, type BatcherOptions, type NewEvent } from "./batching.ts";
export { Guildhall } from "./client.ts";
export type { PictureOptions } from "./cards.ts";
export { BadSignature, GuildhallError, GuildNotFound, Problem, Unreachable } from "./errors.ts";
export type { RequestOptions, Options } from "./http.ts";
export type { components, operations, paths } from "./schema.js";
export type { Spool } from "./spool.ts";
export type { EventOptions } from "./streaming.ts";
export type * from "./types.ts";
export { verifyDelivery } from "./webhooks.ts";
