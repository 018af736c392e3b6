/** Definitions of achievements, and members' awards. */
import { segment, type Http } from "./http.ts";
import type { Achievement, Query, Schema } from "./types.ts";

export class Achievements {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** The packs that come with Guildhall. To use one, create its achievements in their order. */
  async packs(): Promise<Schema<"PackView">[]> {
    return (await this.#http.json<Schema<"PacksView">>("GET", "/v1/achievement-packs")).items;
  }

  /** A page of definitions. In every method, a `guildId` of null means the whole installation. */
  list(guildId: string | null, query: Query<"list_achievements"> = {}): Promise<Schema<"AchievementViewPage">> {
    return this.#http.json("GET", place(guildId), { query });
  }

  get(guildId: string | null, key: string): Promise<Achievement> {
    return this.#http.json("GET", place(guildId, key));
  }

  create(guildId: string | null, body: Schema<"CreateAchievement">, reason?: string): Promise<Achievement> {
    return this.#http.json("POST", place(guildId), { body, reason });
  }

  /** Changes a definition: what is absent stays. The answer says how many members would no longer qualify. */
  patch(
    guildId: string | null,
    key: string,
    body: Schema<"PatchAchievement">,
    reason?: string,
  ): Promise<Schema<"ChangedAchievementView">> {
    return this.#http.json("PATCH", place(guildId, key), { body, reason });
  }

  /** Members keep what they have. `restore` undoes it. */
  async delete(guildId: string | null, key: string, reason?: string): Promise<void> {
    await this.#http.bytes("DELETE", place(guildId, key), { reason });
  }

  restore(guildId: string | null, key: string, reason?: string): Promise<Achievement> {
    return this.#http.json("POST", `${place(guildId, key)}/restore`, { reason });
  }

  /** How many members would get a draft now. Stores nothing. */
  simulate(guildId: string | null, body: Schema<"SimulateAchievement">): Promise<Schema<"SimulationView">> {
    return this.#http.json("POST", `${place(guildId)}/simulate`, { body, once: false });
  }

  /** A member's achievements with their progress. */
  async ofMember(guildId: string, userId: string): Promise<Schema<"MemberAchievementView">[]> {
    const path = `/v1/guilds/${segment(guildId)}/members/${segment(userId)}/achievements`;
    return (await this.#http.json<Schema<"MemberAchievementsView">>("GET", path)).items;
  }

  /** By hand. A second time changes nothing. */
  award(guildId: string, userId: string, key: string, reason?: string): Promise<Schema<"AwardedView">> {
    return this.#http.json("PUT", awarded(guildId, userId, key), { reason });
  }

  /** By hand. Stays revoked until it is awarded by hand. */
  async revoke(guildId: string, userId: string, key: string, reason?: string): Promise<void> {
    await this.#http.bytes("DELETE", awarded(guildId, userId, key), { reason });
  }
}

function place(guildId: string | null, key?: string): string {
  const all = guildId === null ? "/v1/achievements" : `/v1/guilds/${segment(guildId)}/achievements`;
  return key === undefined ? all : `${all}/${segment(key)}`;
}

function awarded(guildId: string, userId: string, key: string): string {
  return `/v1/guilds/${segment(guildId)}/members/${segment(userId)}/achievements/${segment(key)}`;
}
