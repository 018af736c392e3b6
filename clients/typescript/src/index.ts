/**
 * Types of Guildhall's REST API. `schema.d.ts` is made from the OpenAPI document: `npm run generate`.
 *
 * `paths` goes with any client that is typed by such a document, `openapi-fetch` for instance; `Schema` names one
 * shape; the rest are the shapes that a bot meets first.
 */
import type { components, operations, paths } from "./schema.js";

export type { components, operations, paths };

/** One shape of the document, by its name. */
export type Schema<Name extends keyof components["schemas"]> = components["schemas"][Name];

/** What is sent with `POST /v1/guilds/{guild_id}/activity`, one of 1 to 1,000. */
export type ActivityEvent = Schema<"RecordActivity">["events"][number];

/** What is answered to it. */
export type Activity = Schema<"ActivityView">;

export type LevelUp = Schema<"LevelUp">;
export type Member = Schema<"MemberView">;
export type Board = Schema<"LeaderboardView">;
export type Guild = Schema<"GuildView">;
export type Settings = Schema<"SettingsView">;
export type Problem = Schema<"Problem">;

/** The body of an operation's JSON answer with this status. */
export type Answer<Name extends keyof operations, Status extends keyof operations[Name]["responses"]> =
  operations[Name]["responses"][Status] extends { content: { "application/json": infer Body } } ? Body : never;
