/** What can go wrong: Guildhall refuses, cannot be reached, or a delivery is not from Guildhall. */
import type { Schema } from "./types.ts";

type Fault = NonNullable<Schema<"Problem">["errors"]>[number];

/** Every error that this package makes. */
export class GuildhallError extends Error {
  override name = "GuildhallError";
}

/** No answer, for as long as a request was tried. */
export class Unreachable extends GuildhallError {
  override name = "Unreachable";
}

/** A webhook's delivery whose signature is missing, wrong or too old. */
export class BadSignature extends GuildhallError {
  override name = "BadSignature";
}

/** A refusal (RFC 9457). Decide by `type`, whose meaning never changes. */
export class Problem extends GuildhallError {
  override name = "Problem";
  readonly status: number;
  readonly type: string;
  readonly title: string;
  readonly detail: string;
  readonly requestId: string;
  readonly errors: readonly Fault[];

  constructor(status: number, body: Partial<Schema<"Problem">>) {
    const errors = body.errors ?? [];
    super([`${status} ${body.title ?? ""}: ${body.detail ?? ""}`, ...errors.map(inWords)].join("; "));
    this.status = status;
    this.type = body.type ?? "about:blank";
    this.title = body.title ?? "";
    this.detail = body.detail ?? "";
    this.requestId = body.request_id ?? "";
    this.errors = errors;
  }
}

/** The guild does not exist, or this key may not see it. */
export class GuildNotFound extends Problem {
  override name = "GuildNotFound";
}

/** What an answer refuses, from its status and its body. */
export function problemOf(status: number, body: Uint8Array, Kind: typeof Problem = Problem): Problem {
  const text = new TextDecoder().decode(body);
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null) return new Kind(status, parsed);
  } catch {
    // A proxy's own page, perhaps.
  }
  return new Kind(status, { title: "No problem document", detail: text.slice(0, 200) });
}

function inWords(fault: Fault): string {
  const place = "parameter" in fault ? fault.parameter : fault.pointer;
  return `${place || "the body"} ${fault.message}`;
}
