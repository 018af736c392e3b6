/** The client: a method for what bots do often, `request` for everything else. */
import { Achievements } from "./achievements.ts";
import { Cards } from "./cards.ts";
import { problemOf } from "./errors.ts";
import { decoded, Http, isGood, segment, type RequestOptions, type Options } from "./http.ts";
import { Imports } from "./imports.ts";
import { events, type EventOptions } from "./streaming.ts";
import type { Activity, ActivityEvent, Board, Guild, Member, Members, Query, Schema, StreamEvent } from "./types.ts";
import type { Privacy, RoleChanges, Settings } from "./types.ts";
import { Webhooks } from "./webhooks.ts";

const MOST_KNOWN = 1000;

/** One server and one key. */
export class Guildhall {
  readonly achievements: Achievements;
  readonly cards: Cards;
  readonly imports: Imports;
  readonly webhooks: Webhooks;
  readonly #http: Http;
  readonly #known = new Map<string, { etag: string; body: Uint8Array }>();

  constructor(url: string, key: string, options: Options = {}) {
    this.#http = new Http(url, key, options);
    this.achievements = new Achievements(this.#http);
    this.cards = new Cards(this.#http);
    this.imports = new Imports(this.#http);
    this.webhooks = new Webhooks(this.#http);
  }

  // Guilds and settings

  /** The bot joined, or something changed. What is absent stays. */
  putGuild(guildId: string, body: Schema<"PutGuild">): Promise<Guild> {
    return this.#http.json("PUT", guild(guildId), { body });
  }

  /** The bot left. False if the guild was not there. */
  deleteGuild(guildId: string): Promise<boolean> {
    return this.#http.unlessAbsent("DELETE", guild(guildId));
  }

  /** Registers a module of settings. Call it whenever the bot starts. */
  putModule(module: string, body: Schema<"PutModule">): Promise<Schema<"ModuleView">> {
    return this.#http.json("PUT", `/v1/modules/${segment(module)}`, { body });
  }

  /** A module's values. Asked again, the server sends them only if they changed. */
  async settings<Values = Record<string, unknown>>(guildId: string, module: string): Promise<Settings<Values>> {
    const path = `${guild(guildId)}/settings/${segment(module)}`;
    const known = this.#known.get(path);
    const headers: Record<string, string> = known === undefined ? {} : { "If-None-Match": known.etag };
    const answer = await this.#http.send("GET", path, { headers });
    if (answer.status === 304 && known !== undefined) return decoded(known.body);
    if (!isGood(answer)) throw problemOf(answer.status, answer.body);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size < MOST_KNOWN) break;
      this.#known.delete(oldest);
    }
    this.#known.set(path, { etag: answer.headers.get("etag") ?? "", body: answer.body });
    return decoded(answer.body);
  }

  /** Changes some values; null returns one to its default. */
  patchSettings(guildId: string, module: string, changes: Record<string, unknown>, reason?: string): Promise<Settings> {
    return this.#http.json("PATCH", `${guild(guildId)}/settings/${segment(module)}`, { body: changes, reason });
  }

  // Activity, members, boards

  /** What members did, 1 to 1,000 events. An event counts once, however often it is sent: `Batcher` relies on it. */
  record(guildId: string, sent: readonly ActivityEvent[], signal?: AbortSignal): Promise<Activity> {
    return this.#http.json("POST", `${guild(guildId)}/activity`, { body: { events: sent }, once: false, signal });
  }

  /** The profile, null if there is no such member. Throws `GuildNotFound` if there is no such guild. */
  async member(guildId: string, userId: string): Promise<Member | null> {
    const answer = await this.#http.send("GET", member(guildId, userId));
    if (isGood(answer)) return decoded(answer.body);
    if (answer.status !== 404) throw problemOf(answer.status, answer.body);
    await this.#http.findGuild(guildId);
    return null;
  }

  /** A page of members by name: `search` is the beginning of a name, or an id. */
  members(guildId: string, query: Query<"list_members"> = {}): Promise<Members> {
    return this.#http.json("GET", `${guild(guildId)}/members`, { query });
  }

  /** What a member is called. Events may say it too, as `user`. */
  rename(guildId: string, userId: string, body: Schema<"PatchMember">): Promise<Member> {
    return this.#http.json("PATCH", member(guildId, userId), { body });
  }

  /** What 1 to 1,000 members are called. */
  putNames(guildId: string, items: Schema<"PutNames">["items"]): Promise<Schema<"NamesPutView">> {
    return this.#http.json("PUT", `${guild(guildId)}/members/names`, { body: { items } });
  }

  /** The member left. False if they were not there. */
  memberLeft(guildId: string, userId: string): Promise<boolean> {
    return this.#http.unlessAbsent("DELETE", member(guildId, userId));
  }

  /** Gives or takes XP by hand, once, however often the request is tried. */
  adjustXp(guildId: string, userId: string, body: Schema<"AdjustXp">, reason?: string) {
    return this.#http.json<Schema<"XpAdjustedView">>("POST", `${member(guildId, userId)}/xp`, { body, reason });
  }

  /** What makes the roles that a member has into those that the level deserves. */
  roleRewards(guildId: string, userId: string, roleIds: readonly string[]): Promise<RoleChanges> {
    const query = { role_ids: roleIds };
    return this.#http.json("GET", `${member(guildId, userId)}/role-rewards`, { query });
  }

  /** A page of a leaderboard. */
  leaderboard(guildId: string, query: Query<"get_leaderboard"> = {}): Promise<Board> {
    return this.#http.json("GET", `${guild(guildId)}/leaderboard`, { query });
  }

  // People

  privacy(userId: string): Promise<Privacy> {
    return this.#http.json("GET", `${person(userId)}/privacy`);
  }

  /** What is absent stays. */
  choosePrivacy(userId: string, body: Schema<"PutPrivacy">): Promise<Privacy> {
    return this.#http.json("PUT", `${person(userId)}/privacy`, { body });
  }

  /** Erases a person everywhere. With `optOut`, their future events are dropped. */
  erase(userId: string, { optOut }: { optOut?: boolean } = {}): Promise<Schema<"ErasureView">> {
    return this.#http.json("DELETE", person(userId), { query: { opt_out: optOut } });
  }

  // Everything

  /** Events as they come. The stream goes on after the last one when the connection breaks; see `EventOptions`. */
  events(options: EventOptions = {}): AsyncGenerator<StreamEvent, void, undefined> {
    return events(this.#http, options);
  }

  /** Any other route: its JSON, null if the answer has none. Throws `Problem`, `Unreachable`. */
  request<T>(method: string, path: string, asked: RequestOptions = {}): Promise<T> {
    return this.#http.json(method, path, asked);
  }
}

const guild = (guildId: string): string => `/v1/guilds/${segment(guildId)}`;
const member = (guildId: string, userId: string): string => `${guild(guildId)}/members/${segment(userId)}`;
const person = (userId: string): string => `/v1/users/${segment(userId)}`;
