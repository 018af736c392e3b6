// Drives the client through clients/conformance: a line of calls in, a line of outcomes out.
import { createInterface } from "node:readline";

import { BadSignature, Batcher, GuildNotFound, Guildhall, Problem, Unreachable, verifyDelivery } from "../src/index.ts";
import { FileSpool } from "../src/node.ts";

type Given = any; // JSON of a scenario
type Call = (guildhall: Guildhall, given: Given) => Promise<unknown>;

const CALLS: Record<string, Call> = {
  adjust_xp: (guildhall, { guild_id, user_id, reason, ...body }) => guildhall.adjustXp(guild_id, user_id, body, reason),
  award: (guildhall, { guild_id, user_id, key, reason }) =>
    guildhall.achievements.award(guild_id, user_id, key, reason),
  batch,
  card: async (guildhall, { guild_id, user_id, patience_seconds }) => {
    const options = patience_seconds === undefined ? {} : { patienceMs: patience_seconds * 1000 };
    return Buffer.from(await guildhall.cards.member(guild_id, user_id, options)).toString("base64");
  },
  create_achievement: (guildhall, { guild_id, ...body }) => guildhall.achievements.create(guild_id, body),
  create_webhook: (guildhall, { guild_id, ...body }) => guildhall.webhooks.create(guild_id, body),
  delete_guild: (guildhall, { guild_id }) => guildhall.deleteGuild(guild_id),
  events: async (guildhall, { take, guild_id, types, last_event_id }) => {
    const found = [];
    for await (const event of guildhall.events({ guildId: guild_id, types, lastEventId: last_event_id })) {
      if (found.push(event) === take) break;
    }
    return found;
  },
  import: async (guildhall, { guild_id, content, every_seconds, ...query }) => {
    const { id } = await guildhall.imports.begin(guild_id, content, query);
    return guildhall.imports.finished(id, { everyMs: every_seconds * 1000 });
  },
  member: (guildhall, { guild_id, user_id }) => guildhall.member(guild_id, user_id),
  member_left: (guildhall, { guild_id, user_id }) => guildhall.memberLeft(guild_id, user_id),
  privacy: (guildhall, { user_id }) => guildhall.privacy(user_id),
  put_guild: (guildhall, { guild_id, ...body }) => guildhall.putGuild(guild_id, body),
  put_names: (guildhall, { guild_id, items }) => guildhall.putNames(guild_id, items),
  record: (guildhall, { guild_id, events }) => guildhall.record(guild_id, events),
  restore_achievement: (guildhall, { guild_id, key }) => guildhall.achievements.restore(guild_id, key),
  revoke: (guildhall, { guild_id, user_id, key }) => guildhall.achievements.revoke(guild_id, user_id, key),
  settings: (guildhall, { guild_id, module }) => guildhall.settings(guild_id, module),
  verify_delivery: (_, { secret, signature, body, now }) =>
    verifyDelivery(secret, signature, body, { now: now * 1000 }),
};

async function batch(guildhall: Guildhall, given: Given): Promise<unknown> {
  const answers: [string, number][] = [];
  const batcher = await Batcher.start(guildhall, {
    everyMs: given.flush ? 50 : 60_000,
    atOnce: given.at_once ?? 500,
    most: given.most ?? 1000,
    answered: (guildId, { accepted }) => answers.push([guildId, accepted]),
    log: () => undefined,
    ...(given.spool === undefined ? {} : { spool: new FileSpool(given.spool) }),
  });
  for (const [guildId, event] of given.events) batcher.add(guildId, event);
  if (given.flush) await batcher.flush();
  const waiting = await batcher.close(0);
  return { answers, dropped: batcher.dropped, waiting };
}

async function outcome(guildhall: Guildhall, { call, with: given }: Given): Promise<unknown> {
  try {
    return { returns: (await CALLS[call]?.(guildhall, given)) ?? null };
  } catch (error) {
    if (error instanceof Problem) {
      const kind = error instanceof GuildNotFound ? "guild_not_found" : "problem";
      return { raises: { ...error, kind, request_id: error.requestId } };
    }
    if (error instanceof Unreachable) return { raises: { kind: "unreachable" } };
    if (error instanceof BadSignature) return { raises: { kind: "bad_signature" } };
    throw error;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { url, key, patience_seconds, calls } = JSON.parse(line);
  const guildhall = new Guildhall(url, key, { patienceMs: patience_seconds * 1000 });
  const outcomes = [];
  for (const each of calls) outcomes.push(await outcome(guildhall, each));
  console.log(JSON.stringify(outcomes));
}
