/** The event stream of a guild. The browser reconnects by itself, and sends the last id it saw: nothing is missed. */

const TYPES = [
  "achievement.changed", "achievement.revoked", "achievement.unlocked", "guild.deleted", "guild.restored",
  "guild.updated", "import.finished", "member.left", "member.level_changed", "member.level_up", "module.updated",
  "settings.updated", "webhook.disabled",
];
const AGAIN_MILLISECONDS = 10000;
const LOOKED_BACK = [200, 2000, 5000]; // events of the whole server
const ANSWER_MILLISECONDS = 20000;
const QUIET_MILLISECONDS = 500;

/**
 * Follows a guild until the answer is called. `heard({type, …data})` gets each event, and `{type: "reopened"}` after
 * a time in which some may have been missed. `state("live" | "away")` tells how it stands.
 *
 * Only while the page is seen: a browser has six connections for a server, and each open stream is one.
 */
export function follow(guildId, heard, state) {
  let source = null;
  let timer = null;
  let wasOpen = false;

  function open() {
    timer = null;
    source = new EventSource(`/v1/events?guild_id=${guildId}`);
    source.onopen = () => {
      state("live");
      if (wasOpen) heard({ type: "reopened" });
      wasOpen = true;
    };
    source.onerror = () => {
      state("away");
      // A refusal (401, 410, 429) closes it for good: begin anew, later.
      if (source.readyState === EventSource.CLOSED) timer ??= setTimeout(open, AGAIN_MILLISECONDS);
    };
    for (const type of TYPES) {
      source.addEventListener(type, (event) => heard({ ...JSON.parse(event.data), type, id: Number(event.lastEventId) }));
    }
  }

  function close() {
    clearTimeout(timer);
    timer = null;
    source?.close();
    source = null;
  }

  function seen() {
    if (document.hidden) close();
    else if (source === null) open();
  }

  document.addEventListener("visibilitychange", seen);
  seen();
  return () => {
    document.removeEventListener("visibilitychange", seen);
    close();
  };
}

/**
 * The latest events of a guild of some types, which the stream still keeps, oldest first, as `follow` reports them. It
 * looks back further where there are few, so that it reads no more than it needs.
 */
export async function recall(guildId, types, wanted) {
  const address = `/v1/events?guild_id=${guildId}&types=${types.join(",")}`;
  const newest = Number((await fetch(address, { method: "HEAD" })).headers.get("Last-Event-ID") ?? 0);
  let found = [];
  if (newest === 0) return found;
  for (const back of LOOKED_BACK) {
    const { events, isAll } = await recalled(address, Math.max(0, newest - back), newest);
    found = events.slice(-wanted);
    if (found.length === wanted || isAll) break;
  }
  return found;
}

/**
 * The events after a position. The stream does not say where the past ends: it is left after the newest event, or
 * after a moment in which nothing comes.
 */
async function recalled(address, position, newest) {
  const events = [];
  const leaving = new AbortController();
  let timer = setTimeout(() => leaving.abort(), ANSWER_MILLISECONDS);
  try {
    const begun = (after) => fetch(address, { headers: { "Last-Event-ID": String(after) }, signal: leaving.signal });
    let answer = await begun(position);
    const isAll = position === 0 || answer.status === 410;
    if (answer.status === 410) answer = await begun(0);
    for await (const event of answer.ok ? framesOf(answer.body, quiet) : []) {
      if (event.id <= newest) events.push(event);
      if (event.id >= newest) break;
    }
    return { events, isAll };
  } catch (error) {
    if (error.name !== "AbortError") throw error;
    return { events, isAll: position === 0 };
  } finally {
    clearTimeout(timer);
    leaving.abort();
  }

  function quiet() {
    clearTimeout(timer);
    timer = setTimeout(() => leaving.abort(), QUIET_MILLISECONDS);
  }
}

/** The events in the bytes of a stream. `heard()` is called for each piece. */
async function* framesOf(body, heard) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    heard();
    const frames = (text + chunk.value).split("\n\n");
    text = frames.pop();
    for (const frame of frames) {
      const found = /^id: (\d+)\nevent: (\S+)\ndata: (.+)$/m.exec(frame);
      if (found) yield { ...JSON.parse(found[3]), type: found[2], id: Number(found[1]) };
    }
  }
}
