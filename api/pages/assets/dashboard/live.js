/** The event stream of a guild. The browser reconnects by itself, and sends the last id it saw: nothing is missed. */

const TYPES = [
  "achievement.changed", "achievement.revoked", "achievement.unlocked", "guild.deleted", "guild.restored",
  "guild.updated", "import.finished", "member.left", "member.level_changed", "member.level_up", "module.updated",
  "settings.updated", "webhook.disabled",
];
const AGAIN_MILLISECONDS = 10000;

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
