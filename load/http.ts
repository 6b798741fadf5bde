/** Requests as a patient client sends them: kept-alive connections, Retry-After heeded, nothing hidden. */
import { setTimeout as pause } from 'node:timers/promises';
import { Pool } from 'undici';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Readonly<Record<string, unknown>>;
}
export interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly token?: string;
  readonly body?: unknown;
  /** Idempotency-Key: makes a POST safe to repeat */
  readonly key?: string;
}
export interface Http {
  /** One request. @throws what undici throws when no answer comes */
  send(call: Call): Promise<Answer>;
  /**
   * Repeats on 429, 503 and lost connections until `until` (epoch ms), waiting as told by Retry-After.
   * Only for calls that may be repeated. @throws the last error when no answer ever came
   */
  insist(call: Call, until: number): Promise<Answer>;
  /** how often `insist` had to repeat, by reason */
  readonly repeats: Readonly<Record<string, number>>;
  close(): Promise<void>;
}

const TIMEOUT_MS = 40_000;
const RETRY_MS = 250;
const RETRY_MAX_MS = 5_000;

export function createHttp(baseUrl: string, connections: number): Http {
  const base = new URL(baseUrl);
  const prefix = base.pathname.replace(/\/+$/, '');
  const pool = new Pool(base.origin, {
    connections,
    pipelining: 1,
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    connect: { timeout: 20_000 },
  });
  const repeats: Record<string, number> = {};

  async function send({ method, path, token, body, key }: Call): Promise<Answer> {
    const answer = await pool.request({
      method,
      path: `${prefix}${path}`,
      headers: {
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key ? { 'idempotency-key': key } : {}),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.body.text();
    return { status: answer.statusCode, headers: answer.headers, body: parseBody(text) };
  }

  async function attempt(call: Call): Promise<Answer | Error> {
    try {
      return await send(call);
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  return {
    send,
    async insist(call, until) {
      for (;;) {
        const answer = await attempt(call);
        const reason = reasonToRepeat(answer);
        const waitMs = reason ? retryAfter(answer) : 0;
        if (!reason || Date.now() + waitMs > until) {
          if (answer instanceof Error) throw answer;
          return answer;
        }
        repeats[reason] = (repeats[reason] ?? 0) + 1;
        await pause(waitMs);
      }
    },
    repeats,
    close: () => pool.close(),
  };
}

function parseBody(text: string): Answer['body'] {
  try {
    return JSON.parse(text || '{}') as Answer['body'];
  } catch {
    return {};
  }
}

function reasonToRepeat(answer: Answer | Error): string | null {
  if (answer instanceof Error) return 'connection lost';
  if (answer.status !== 503 && answer.status !== 429) return null;
  return typeof answer.body.code === 'string' ? answer.body.code : String(answer.status);
}

/** As told, at most five seconds; a little scattered, so that a thousand buyers do not come back as one. */
function retryAfter(answer: Answer | Error): number {
  const told = answer instanceof Error ? 0 : Number(answer.headers['retry-after'] ?? 0) * 1_000;
  return Math.min(Math.max(told, RETRY_MS), RETRY_MAX_MS) * (0.75 + Math.random() * 0.5);
}
