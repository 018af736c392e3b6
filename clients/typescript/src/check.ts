// Compiled and never run: what a bot's author writes is right by these types, and what is wrong is seen.
import createClient from "openapi-fetch";

import type { Activity, ActivityEvent, Answer, Member, paths, Problem, Schema } from "./index.js";

export const message: ActivityEvent = {
  type: "message",
  id: "1175",
  user_id: "190320984123768832",
  channel_id: "41771983423143937",
  occurred_at: "2026-11-22T18:07:03Z",
};

export const voice: ActivityEvent = { ...message, type: "voice", seconds: 300 };

// @ts-expect-error a voice event has seconds
export const silent: ActivityEvent = { type: "voice", id: "1", user_id: "2", occurred_at: "2026-11-22T18:07:03Z" };

export function announcements(answer: Activity): string[] {
  return answer.level_ups.map((level) => level.announce.text ?? `${level.user_id}: ${level.to_level}`);
}

export function rank(member: Member): string {
  // @ts-expect-error somebody hidden has no rank
  const certain: number = member.rank;
  return member.rank === null ? "hidden" : `${certain} of ${member.member_count}`;
}

export function places(problem: Problem): string[] {
  return (problem.errors ?? []).map((fault) => ("pointer" in fault ? fault.pointer : fault.parameter));
}

export const isHidden = (answer: Answer<"get_privacy", 200>): boolean => answer.visibility === "hidden";

// The same by openapi-fetch: settings hold whatever their module's schema says.
const guildhall = createClient<paths>({ baseUrl: "http://localhost:8080" });
const path = { guild_id: "81384788765712384", module: "welcome" };

export async function welcomeText(): Promise<string> {
  const { data, error } = await guildhall.GET("/v1/guilds/{guild_id}/settings/{module}", { params: { path } });
  if (error) throw new Error(error.title);
  const text = data.values["text"];
  return typeof text === "string" ? text : "";
}

export async function changeSettings(): Promise<unknown> {
  const body = { text: "Hello", card: { colour: null }, roles: ["5"] };
  const header = { "If-Match": '"f2b0c9ad41e05f7c8a6d3e19"' };
  const one = "/v1/guilds/{guild_id}/settings/{module}";
  await guildhall.PUT(one, { params: { path }, body });
  const { data } = await guildhall.PATCH(one, { params: { path, header }, body });
  const { data: all } = await guildhall.GET("/v1/guilds/{guild_id}/settings", { params: { path } });
  return [data?.values["card"], all?.["welcome"]?.["text"]];
}

export async function registerModule(): Promise<number | undefined> {
  const schema = { type: "object", properties: { text: { type: "string", default: "Hello" } } };
  const { data } = await guildhall.PUT("/v1/modules/{module}", { params: { path }, body: { schema } });
  return data?.version;
}

export async function makeKey(): Promise<string | null | undefined> {
  const params = { header: { "Idempotency-Key": "order-7f3a" } };
  const { data } = await guildhall.POST("/v1/keys", { params, body: { name: "bot", scopes: ["guilds:read"] } });
  return data?.secret;
}

export const chatty: Schema<"Condition"> = { all: [{ stat: "messages", gte: 1000 }, { any: [{ stat: "level", gte: 9 }] }] };

// @ts-expect-error a condition is a comparison or a group
export const empty: Schema<"Condition"> = {};
