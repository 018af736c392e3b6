/** The shapes that a bot meets first, by short names. `Schema` names every other one. */
import type { components, operations } from "./schema.js";

/** One shape of the OpenAPI document, by its name. */
export type Schema<Name extends keyof components["schemas"]> = components["schemas"][Name];

/** The body of an operation's JSON answer with this status. */
export type Answer<Name extends keyof operations, Status extends keyof operations[Name]["responses"]> =
  operations[Name]["responses"][Status] extends { content: { "application/json": infer Body } } ? Body : never;

/** The query parameters of an operation. */
export type Query<Name extends keyof operations> = NonNullable<operations[Name]["parameters"]["query"]>;

/** What is sent with `POST /v1/guilds/{guild_id}/activity`, one of 1 to 1,000. */
export type ActivityEvent = Schema<"RecordActivity">["events"][number];

/** What is answered to it. */
export type Activity = Schema<"ActivityView">;

export type Achievement = Schema<"AchievementView">;
export type Board = Schema<"LeaderboardView">;
export type Delivery = Schema<"DeliveryView">;
export type Guild = Schema<"GuildView">;
export type Import = Schema<"ImportView">;
export type LevelUp = Schema<"LevelUp">;
export type Member = Schema<"MemberView">;
export type Members = Schema<"ListedMemberViewPage">;
export type Privacy = Schema<"PrivacyView">;
export type RoleChanges = Schema<"RoleChanges">;
export type Webhook = Schema<"WebhookView">;

/** A module's values in a guild. `Values` is what its schema promises; the server guarantees a value for each property. */
export type Settings<Values = Record<string, unknown>> = Omit<Schema<"SettingsView">, "values"> & { values: Values };

/** An event of the stream. Keep `id`, to go on after it. */
export interface StreamEvent {
  id: string;
  event: string;
  data: Record<string, unknown>;
}

/** The body of a webhook's delivery. `id` is the same if it arrives twice. */
export interface Delivered extends StreamEvent {
  guild_id: string;
  at: string;
}
