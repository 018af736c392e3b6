/** The public API, as a session calls it: the browser sends the cookie, this adds the CSRF token. */

import { t } from "./language.js";
import { faultText, problemTexts } from "./problems.js";

const TIMEOUT_MILLISECONDS = 20000;
const FILE_TIMEOUT_MILLISECONDS = 3600 * 1000;

/** An answer that is no success: RFC 9457's members, `errors` with the pointers of what is wrong. */
export class Problem extends Error {
  constructor(status, body) {
    const { title, detail } = problemTexts(status, body);
    super(detail);
    this.status = status;
    this.type = body?.type ?? "";
    this.title = title;
    this.errors = (body?.errors ?? []).map((fault) => ({ ...fault, message: faultText(fault.message) }));
  }
}

/** The server gave no answer at all. */
export class Unreachable extends Error {
  constructor() {
    super(t("The server did not answer. Check your connection."));
    this.title = t("Not reachable");
    this.status = 0;
    this.errors = [];
  }
}

let csrfToken = null;
let userId = null;
let whenLoggedOut = () => {};

/** Calls `listener` whenever an answer says that nobody is logged in (any more). */
export function onLoggedOut(listener) {
  whenLoggedOut = listener;
}

/**
 * One request. Gives `{body, etag}`; throws `Problem` or `Unreachable`.
 * `query`: members that are null or undefined are left out. `reason`: why, for the audit log.
 * `once`: an idempotency key. `file`: sent as it is, instead of `body`, as the media type `type`.
 */
export async function call(method, path, options = {}) {
  try {
    return await send(method, path, options);
  } catch (error) {
    // Logged in anew in another tab: the session is another one, and so is its token. Nothing is done as another person.
    if (!error.type?.endsWith("bad-csrf-token") || (await whoAmI())?.id !== userId) throw error;
    return send(method, path, options);
  }
}

async function send(method, path, { query = {}, body, file, type, ifMatch, reason, once }) {
  const url = new URL(path, location.origin);
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") url.searchParams.append(name, value);
  }
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (file !== undefined) headers["Content-Type"] = type;
  if (method !== "GET") headers["X-CSRF-Token"] = csrfToken ?? "";
  if (ifMatch) headers["If-Match"] = ifMatch;
  if (once) headers["Idempotency-Key"] = once;
  if (reason) headers["X-Audit-Log-Reason"] = encodeURIComponent(reason.toWellFormed());
  let response;
  try {
    response = await fetch(url, {
      method,
      headers,
      body: file ?? (body === undefined ? undefined : JSON.stringify(body)),
      signal: AbortSignal.timeout(file === undefined ? TIMEOUT_MILLISECONDS : FILE_TIMEOUT_MILLISECONDS),
    });
  } catch {
    throw new Unreachable();
  }
  const answer = response.status === 204 ? null : await response.json().catch(() => null);
  if (response.ok) return { body: answer, etag: response.headers.get("ETag") };
  if (response.status === 401) whenLoggedOut();
  throw new Problem(response.status, answer);
}

export const get = (path, query) => call("GET", path, { query });

/** All items of a list, page by page; `most` of them at most. */
export async function all(path, query = {}, most = 1000) {
  const items = [];
  let cursor = null;
  do {
    const { body } = await get(path, { ...query, limit: 100, cursor });
    items.push(...body.items);
    cursor = body.next_cursor;
  } while (cursor !== null && items.length < most);
  return items;
}

/** Who is logged in; null for nobody. Remembers the CSRF token of the session. */
export async function whoAmI() {
  try {
    const { body } = await get("/v1/me");
    csrfToken = body.csrf_token;
    userId ??= body.id;
    return body;
  } catch (error) {
    if (error.status === 401) return null;
    throw error;
  }
}

export async function logOut() {
  await call("POST", "/auth/logout");
  csrfToken = userId = null;
}

export const guildPath = (guildId, rest = "") => `/v1/guilds/${guildId}${rest}`;
