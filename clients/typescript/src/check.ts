// Compiled and never run: what a bot's author writes is right by these types, and what is wrong is seen.
import type { Activity, ActivityEvent, Answer, Member, Problem } from "./index.js";

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
