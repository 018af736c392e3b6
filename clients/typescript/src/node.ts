/** What needs Node: a spool in a file. */
import { closeSync, existsSync, ftruncateSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from "node:fs";

import type { Spool } from "./spool.ts";
import type { ActivityEvent } from "./types.ts";

type Line = ["add", string, ActivityEvent] | ["remove", string, string[]];

const COMPACT_AT = 16 * 1024 * 1024;

/**
 * Events in a file: a line of JSON for each event, and for each batch that was sent. One process may use a file at a
 * time, so each shard needs its own. It survives a killed process; the last seconds may be lost if the machine loses
 * power.
 */
export class FileSpool implements Spool {
  readonly #path: string;
  #file = -1;
  #bytes = 0;
  #waiting = 0;
  #compactAt = COMPACT_AT;

  constructor(path: string) {
    this.#path = path;
  }

  load(): [string, ActivityEvent][] {
    const left = existsSync(this.#path) ? replay(readFileSync(this.#path, "utf8")) : [];
    this.#rewrite(left);
    return left;
  }

  add(guildId: string, event: ActivityEvent): void {
    this.#write(["add", guildId, event]);
    this.#waiting++;
  }

  remove(guildId: string, ids: readonly string[]): void {
    this.#write(["remove", guildId, [...ids]]);
    this.#waiting -= ids.length;
    if (this.#waiting <= 0) {
      ftruncateSync(this.#file, 0);
      this.#bytes = 0;
    } else if (this.#bytes > this.#compactAt) {
      this.#rewrite(replay(readFileSync(this.#path, "utf8")));
    }
  }

  close(): void {
    if (this.#file !== -1) closeSync(this.#file);
    this.#file = -1;
  }

  #write(line: Line): void {
    this.#bytes += writeSync(this.#file, `${JSON.stringify(line)}\n`);
  }

  #rewrite(left: readonly [string, ActivityEvent][]): void {
    this.close();
    const text = left.map(([guildId, event]) => `${JSON.stringify(["add", guildId, event])}\n`).join("");
    writeFileSync(`${this.#path}.new`, text);
    renameSync(`${this.#path}.new`, this.#path);
    this.#file = openSync(this.#path, "a");
    this.#bytes = Buffer.byteLength(text);
    this.#waiting = left.length;
    this.#compactAt = Math.max(COMPACT_AT, this.#bytes * 2);
  }
}

/** What was added and not removed. A line that a kill cut short is passed over. */
function replay(text: string): [string, ActivityEvent][] {
  const left = new Map<string, [string, ActivityEvent]>();
  for (const line of text.split("\n")) {
    const change = read(line);
    if (change?.[0] === "add") left.set(`${change[1]} ${change[2].id}`, [change[1], change[2]]);
    for (const id of change?.[0] === "remove" ? change[2] : []) left.delete(`${change?.[1]} ${id}`);
  }
  return [...left.values()];
}

function read(line: string): Line | null {
  try {
    return JSON.parse(line) as Line;
  } catch {
    return null;
  }
}
