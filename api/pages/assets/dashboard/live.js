/** The event stream of a guild. The browser reconnects by itself, and sends the last id it saw: nothing is missed. */

const TYPES = [
  "achievement.changed", "achievement.revoked", "achievement.unlocked", "guild.deleted", "guild.restored",
  "guild.updated", "import.finished", "member.left", "member.level_changed", "member.level_up", "module.updated",
  "settings.updated", "webhook.disabled",
];
const AGAIN_MILLISECONDS = 10000;
const LOOKED_BACK = 5000; // events of the whole server
const QUIET_MILLISECONDS = 1500;

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
      source.addEventListener(type, (event) => heard({ ...JSON.parse(event.data), type }));
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
 * The latest events of a guild of some types, which the stream still keeps, oldest first: `heard({type, …data})`. The
 * stream does not say where the past ends: after a moment in which nothing comes, or at the newest event, it is left.
 */
export async function recall(guildId, types, heard) {
  const address = `/v1/events?guild_id=${guildId}&types=${types.join(",")}`;
  const newest = Number((await fetch(address, { method: "HEAD" })).headers.get("Last-Event-ID") ?? 0);
  if (newest === 0) return;
  const leaving = new AbortController();
  let timer = null;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => leaving.abort(), QUIET_MILLISECONDS);
  };
  wait();
  try {
    const begun = (position) => fetch(address, { headers: { "Last-Event-ID": String(position) }, signal: leaving.signal });
    let answer = await begun(Math.max(0, newest - LOOKED_BACK));
    // Fewer are kept: all of them.
    if (answer.status === 410) answer = await begun(0);
    if (!answer.ok) return;
    for await (const { id, ...event } of framesOf(answer.body)) {
      if (id > newest) return;
      heard(event);
      if (id === newest) return;
      wait();
    }
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  } finally {
    clearTimeout(timer);
    leaving.abort();
  }
}

/** The events in the bytes of a stream. */
async function* framesOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    const frames = (text + chunk.value).split("\n\n");
    text = frames.pop();
    for (const frame of frames) {
      const found = /^id: (\d+)\nevent: (\S+)\ndata: (.+)$/m.exec(frame);
      if (found) yield { ...JSON.parse(found[3]), type: found[2], id: Number(found[1]) };
    }
  }
}
