/** Pictures: rank cards, leaderboards and activity. */
import { problemOf } from "./errors.ts";
import { isGood, segment, type Http } from "./http.ts";
import type { Query, Schema } from "./types.ts";

export interface PictureOptions {
  /** PNG by default. */
  format?: "png" | "webp" | "svg";
  /** How long a server that is too busy to draw (503) is asked again. 0 asks once: for when somebody waits. */
  patienceMs?: number;
}

/** Each method returns the picture's bytes. `Problem` with status 501 means that the server draws no pictures. */
export class Cards {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** A member's rank card. Throws `GuildNotFound`, and `Problem` with status 404 if there is no such member. */
  async member(guildId: string, userId: string, options: PictureOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const answer = await this.#drawn(`${member(guildId, userId)}/card`, options);
    if (answer.status === 404) await this.#http.findGuild(guildId);
    if (!isGood(answer)) throw problemOf(answer.status, answer.body);
    return answer.body;
  }

  /** The first page of a leaderboard. */
  async leaderboard(
    guildId: string,
    query: Query<"get_leaderboard_picture_png"> = {},
    options: PictureOptions = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    const answer = await this.#drawn(`/v1/guilds/${segment(guildId)}/leaderboard`, options, query);
    if (!isGood(answer)) throw problemOf(answer.status, answer.body);
    return answer.body;
  }

  /** A member's activity as a chart. */
  async activity(
    guildId: string,
    userId: string,
    query: Query<"get_member_activity_picture_png"> = {},
    options: PictureOptions = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    const answer = await this.#drawn(`${member(guildId, userId)}/activity`, options, query);
    if (!isGood(answer)) throw problemOf(answer.status, answer.body);
    return answer.body;
  }

  /** An address that shows the card to everybody for 7 days. */
  link(guildId: string, userId: string): Promise<Schema<"CardLinkView">> {
    return this.#http.json("POST", `${member(guildId, userId)}/card-link`, { once: false });
  }

  /** The member's own accent, such as `#57f287`; null takes it back. */
  choose(guildId: string, userId: string, accent: string | null): Promise<Schema<"MemberCardView">> {
    return this.#http.json("PUT", `${member(guildId, userId)}/card`, { body: { accent } });
  }

  #drawn(path: string, { format = "png", patienceMs }: PictureOptions, query?: object) {
    return this.#http.send("GET", `${path}.${format}`, { query, patienceMs });
  }
}

function member(guildId: string, userId: string): string {
  return `/v1/guilds/${segment(guildId)}/members/${segment(userId)}`;
}
