// What a bot does, against a running server: GUILDHALL_URL, GUILDHALL_KEY. The guild is the test's own.
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { createHmac } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { BadSignature, Batcher, GuildNotFound, Guildhall, Problem, verifyDelivery } from "../src/index.ts";
import { FileSpool } from "../src/node.ts";

const { GUILDHALL_URL = "http://127.0.0.1:8000", GUILDHALL_KEY = "" } = process.env;
const guildhall = new Guildhall(GUILDHALL_URL, GUILDHALL_KEY, { patienceMs: 5000 });
const [HERE, ADA, BO, NOWHERE] = ["197038439483310999", "190320984123768832", "190320984123768833", "4"];
const status = (wanted: number) => (error: unknown) => error instanceof Problem && error.status === wanted;

test("guilds, settings, members, boards", async () => {
  equal((await guildhall.putGuild(HERE, { name: "Haven", owner_id: ADA })).owner_id, ADA);
  const { member, level_up } = await guildhall.adjustXp(HERE, ADA, { amount: 300 }, "won the quiz, 1st place");
  deepEqual([member.xp, member.rank, level_up?.to_level], [300, 1, 2]);
  equal((await guildhall.rename(HERE, ADA, { display_name: "Ada L." })).display_name, "Ada L.");
  deepEqual(await guildhall.putNames(HERE, [{ user_id: BO, username: "bo" }]), { updated: 0, unchanged: 0, unknown: 1 });
  equal((await guildhall.members(HERE, { search: "ada" })).items[0]?.user_id, ADA);
  equal((await guildhall.leaderboard(HERE, { period: "day", limit: 5 })).items[0]?.value, 300);
  deepEqual(await guildhall.roleRewards(HERE, ADA, ["5", "6"]), { add: [], remove: [] });
  equal((await guildhall.member(HERE, ADA))?.level, 2);
  const schema = { type: "object", properties: { text: { type: "string", default: "Hello" } } };
  equal((await guildhall.putModule("welcome", { schema, title: "Welcome" })).module, "welcome");
  equal((await guildhall.settings<{ text: string }>(HERE, "welcome")).values.text, "Hello");
  await guildhall.patchSettings(HERE, "welcome", { text: "Ahoi" });
  deepEqual((await guildhall.settings(HERE, "welcome")).values, { text: "Ahoi" });
});

test("a missing guild is not a missing member", async () => {
  equal(await guildhall.member(HERE, BO), null);
  await rejects(guildhall.member(NOWHERE, BO), GuildNotFound);
  await rejects(guildhall.cards.member(NOWHERE, BO), GuildNotFound);
  await rejects(guildhall.cards.member(HERE, BO), (error) => status(404)(error) && !(error instanceof GuildNotFound));
});

test("a refusal says where", async () => {
  await rejects(guildhall.patchSettings(HERE, "leveling", { cooldown_seconds: -1 }), (error) => {
    ok(error instanceof Problem && error.type === "urn:guildhall:problem:invalid");
    deepEqual(error.errors.map((fault) => "pointer" in fault && fault.pointer), ["/cooldown_seconds"]);
    return true;
  });
});

test("achievements", async () => {
  const condition = { stat: "messages", gte: 1 } as const;
  ok((await guildhall.achievements.packs()).length > 0);
  equal((await guildhall.achievements.create(HERE, { key: "talker", name: "Talker", condition })).awarded_count, 0);
  equal((await guildhall.achievements.simulate(HERE, { condition })).eligible, 0);
  equal((await guildhall.achievements.patch(HERE, "talker", { name: "Chatterbox" })).name, "Chatterbox");
  await guildhall.achievements.award(HERE, ADA, "talker", "by hand");
  const [one] = await guildhall.achievements.ofMember(HERE, ADA);
  ok(one?.achievement === "talker" && one.awarded_at !== null);
  await guildhall.achievements.revoke(HERE, ADA, "talker");
  await guildhall.achievements.delete(HERE, "talker");
  equal((await guildhall.achievements.list(HERE)).items.length, 0);
  equal((await guildhall.achievements.restore(HERE, "talker")).deleted_at, null);
  equal((await guildhall.achievements.get(HERE, "talker")).key, "talker");
});

test("pictures", async () => {
  const beginning = (bytes: Uint8Array) => Buffer.from(bytes.subarray(1, 4)).toString();
  equal(beginning(await guildhall.cards.member(HERE, ADA)), "PNG");
  equal(beginning(await guildhall.cards.leaderboard(HERE, { period: "week" })), "PNG");
  ok(Buffer.from(await guildhall.cards.activity(HERE, ADA, {}, { format: "svg" })).includes("<svg"));
  ok((await guildhall.cards.link(HERE, ADA)).url.endsWith("/card.png"));
  await rejects(guildhall.cards.choose(HERE, ADA, "#57f287"), status(409));
});

test("imports and exports", async () => {
  const begun = await guildhall.imports.begin(HERE, `user_id,xp\n${BO},4675\n`, { source: "csv", mode: "max" });
  const done = await guildhall.imports.finished(begun.id, { everyMs: 20 });
  deepEqual([done.status, done.counts.imported], ["finished", 1]);
  equal((await guildhall.imports.list(HERE)).items[0]?.id, begun.id);
  let whole = "";
  for await (const piece of guildhall.imports.export(HERE)) whole += Buffer.from(piece).toString();
  ok(whole.includes(BO));
});

test("webhooks", async () => {
  const made = await guildhall.webhooks.create(HERE, { url: "https://bot.example/guildhall", types: ["guild.updated"] });
  equal((await guildhall.webhooks.patch(HERE, made.id, { enabled: false })).enabled, false);
  equal((await guildhall.webhooks.get(HERE, made.id)).url, made.url);
  deepEqual((await guildhall.webhooks.deliveries(HERE, made.id)).items, []);
  await guildhall.webhooks.delete(HERE, made.id);
  equal((await guildhall.webhooks.list(HERE)).items.length, 0);

  const [secret, body, now] = [made.secret ?? "", '{"id":"1","event":"guild.updated"}', 1_800_000_000_000];
  const v1 = createHmac("sha256", secret).update(`${now / 1000}.${body}`).digest("hex");
  const signature = `t=${now / 1000},v1=${v1}`;
  equal((await verifyDelivery(secret, signature, body, { now })).event, "guild.updated");
  await rejects(verifyDelivery(secret, signature, `${body} `, { now }), BadSignature);
  await rejects(verifyDelivery("another", signature, body, { now }), BadSignature);
  await rejects(verifyDelivery(secret, signature, body, { now: now + 301_000 }), BadSignature);
  await rejects(verifyDelivery(secret, null, body, { now }), BadSignature);
});

test("batches survive the end of the process", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "guildhall-")), "spool");
  const away = new Guildhall("http://127.0.0.1:9", "gh_", { patienceMs: 0 });
  const killed = await Batcher.start(away, { spool: new FileSpool(path), everyMs: 10 });
  for (let number = 0; number < 3; number++) killed.add(HERE, { type: "message", user_id: ADA, id: `m${number}` });
  equal(await killed.close(50), 3);

  const answers: number[] = [];
  const answered = (_: string, answer: { accepted: number }) => answers.push(answer.accepted);
  const next = await Batcher.start(guildhall, { spool: new FileSpool(path), everyMs: 60_000, answered });
  next.add(HERE, { type: "message", user_id: ADA, id: "m2" });
  next.add(HERE, { type: "voice", user_id: ADA, seconds: 60 });
  next.add(NOWHERE, { type: "message", user_id: ADA });
  equal(next.size, 6);
  await next.flush();
  deepEqual([answers, next.dropped, await next.close()], [[4], 1, 0]);
  equal((await guildhall.member(HERE, ADA))?.stats.messages, 3);
  equal(new FileSpool(path).load().length, 0);
});

test("the stream, and the guild's end", async () => {
  const stop = new AbortController();
  const seen: string[] = [];
  for await (const event of guildhall.events({ guildId: HERE, lastEventId: "0", signal: stop.signal })) {
    seen.push(event.event);
    if (event.event === "guild.deleted") stop.abort();
    if (event.event === "import.finished") await guildhall.deleteGuild(HERE);
  }
  ok(seen.includes("member.level_up") && seen.at(-1) === "guild.deleted");
  equal(await guildhall.memberLeft(HERE, ADA), false);
  equal(await guildhall.deleteGuild(HERE), false);
});

test("people", async () => {
  equal((await guildhall.choosePrivacy(ADA, { visibility: "hidden" })).visibility, "hidden");
  equal((await guildhall.privacy(ADA)).opt_out, false);
  equal((await guildhall.erase(ADA, { optOut: true })).guilds, 1);
  equal((await guildhall.privacy(ADA)).opt_out, true);
});
