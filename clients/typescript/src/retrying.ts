/** When a request is sent again: without an answer, and after 429 and 503, never sooner than `Retry-After` asks. */
export const FIRST_WAIT_MS = 200;
export const LONGEST_WAIT_MS = 15_000;

/** The waits of one request, which is given up after `patienceMs`. */
export class Patience {
  readonly #ends: number;
  #next = FIRST_WAIT_MS;

  constructor(patienceMs: number) {
    this.#ends = performance.now() + patienceMs;
  }

  /** Milliseconds until the next try, null if there is none. Without an answer, `status` is null. */
  wait(status: number | null, headers?: Headers): number | null {
    const asked = headers === undefined ? null : retryAfterMs(headers);
    // 409 with Retry-After: the first request with this Idempotency-Key is still running.
    if (status !== null && status !== 429 && status !== 503 && !(status === 409 && asked !== null)) return null;
    const backoff = this.#next * (0.75 + Math.random() / 2); // so that clients do not come back all at once
    this.#next = Math.min(this.#next * 2, LONGEST_WAIT_MS);
    const ms = asked === null ? backoff : Math.max(asked, 50);
    return performance.now() + ms > this.#ends ? null : ms;
  }
}

/** What an answer asks to wait. */
export function retryAfterMs(headers: Headers): number | null {
  const text = headers.get("retry-after") ?? "";
  return /^\d{1,9}$/.test(text) ? Number(text) * 1000 : null;
}

/** Waits. Rejects with the signal's reason if it is aborted meanwhile. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", stop, { once: true });
  });
}
