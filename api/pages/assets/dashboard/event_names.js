/** Events, and the results of sending them, in words. */

import { t } from "./language.js";

export const EVENTS = {
  "member.level_up": t("Level reached"),
  "member.level_changed": t("Level changed by hand"),
  "member.left": t("Member left"),
  "achievement.unlocked": t("Achievement unlocked"),
  "achievement.revoked": t("Achievement taken away"),
  "settings.updated": t("Settings changed"),
  "module.updated": t("Module changed"),
  "import.finished": t("Import finished"),
  "guild.created": t("Guild created"),
  "guild.updated": t("Guild changed"),
  "guild.deleted": t("Guild deleted"),
  "guild.restored": t("Guild restored"),
  "webhook.disabled": t("Webhook paused"),
};

export function eventName(type) {
  if (type === "webhook.test") return t("Test");
  return Object.hasOwn(EVENTS, type) ? EVENTS[type] : type;
}

const OUTCOMES = {
  ConnectionRefusedError: t("nobody answers at this address"),
  ConnectionResetError: t("the connection broke"),
  RemoteProtocolError: t("the answer was not HTTP"),
  SSLCertVerificationError: t("its certificate is not valid"),
  gaierror: t("there is no such name"),
  disabled: t("the webhook was paused"),
};

/** Why an attempt failed. What has no words here is shown as the server gives it. */
export function outcomeText(outcome) {
  if (/^\d{3}$/.test(outcome)) return t("the server answered with status {status}", { status: outcome });
  return Object.hasOwn(OUTCOMES, outcome) ? OUTCOMES[outcome] : outcome;
}
