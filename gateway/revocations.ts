/**
 * The revocation feed: which sessions and members have void tokens. News come by pub/sub, the truth is re-read from
 * MariaDB every second. While it cannot be, nobody trusts what was verified before: each token is asked for.
 */
import type { Redis } from 'ioredis';
import { REVOCATION_MEMORY_MS, revocationChannel, revocationList } from '../infra/http/revocation-news';
import type { RevocationsRepository } from '../infra/mysql/repositories/revocations';

export interface TokenFacts {
  readonly sessionId: string;
  readonly memberId: string;
  /** seconds */
  readonly issuedAtS: number;
}

export interface RevocationFeed {
  /** true: the feed is at most 5 s old, so that `isRevoked` may be trusted */
  isFresh(): boolean;
  isRevoked(token: TokenFacts): boolean;
  /** Asks MariaDB, else Redis; undefined when neither answers. */
  ask(token: TokenFacts): Promise<boolean | undefined>;
  /** A service says that this session ended with the answer it just gave. */
  note(sessionId: string): void;
  stop(): void;
}

export interface FeedOptions {
  readonly revocations: RevocationsRepository;
  readonly redis: Redis;
  /** a subscribed connection can do nothing else */
  readonly subscriber: Redis;
  readonly shop: string;
  onError(error: unknown): void;
}

const READ_EVERY_MS = 1_000;
const STALE_MS = 5_000;
/** Commits become visible in another order than their times: look back this far. */
const OVERLAP_MS = 10_000;
/** A store that does not answer within this is away. */
const ANSWER_MS = 1_500;

const within = <T>(answer: Promise<T>): Promise<T> =>
  new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${ANSWER_MS} ms`)), ANSWER_MS);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });

/** What has been read so far; forgets what no token can outlive. */
function createMemory() {
  const sessions = new Map<string, number>();
  const members = new Map<string, number>();
  return {
    addSession(sessionId: string, now: number): void {
      if (!sessions.has(sessionId)) sessions.set(sessionId, now);
    },
    addMember: (memberId: string, validAfterMs: number) => void members.set(memberId, validAfterMs),
    forgetBefore(ms: number): void {
      for (const [sessionId, at] of sessions) {
        if (at >= ms) break; // in order of insertion
        sessions.delete(sessionId);
      }
    },
    has({ sessionId, memberId, issuedAtS }: TokenFacts): boolean {
      // Tokens carry whole seconds: one issued in the very second counts as older.
      return sessions.has(sessionId) || (members.get(memberId) ?? 0) > issuedAtS * 1000;
    },
  };
}

/** Reads once before it answers (a failure is only told), then follows. */
export async function followRevocations(options: FeedOptions): Promise<RevocationFeed> {
  const { revocations, redis, subscriber, shop, onError } = options;
  const memory = createMemory();
  let readAt = 0;
  let from = new Date(Date.now() - REVOCATION_MEMORY_MS);
  let isStopped = false;

  const readAgain = async (): Promise<void> => {
    const startedAt = Date.now();
    try {
      const news = await within(revocations.since(from));
      for (const sessionId of news.sessions) memory.addSession(sessionId, startedAt);
      for (const { memberId, validAfter } of news.members) memory.addMember(memberId, validAfter.getTime());
      memory.forgetBefore(startedAt - REVOCATION_MEMORY_MS);
      from = new Date(news.at.getTime() - OVERLAP_MS);
      readAt = startedAt;
    } catch (error) {
      if (!isStopped) onError(error);
    }
  };

  subscriber.on('message', (channel: string, sessionId: string) => {
    if (channel === revocationChannel(shop)) memory.addSession(sessionId, Date.now());
  });
  subscriber.subscribe(revocationChannel(shop)).catch(onError);
  await readAgain();
  let timer = setTimeout(function again() {
    void readAgain().finally(() => {
      if (!isStopped) timer = setTimeout(again, READ_EVERY_MS);
    });
  }, READ_EVERY_MS);

  return {
    isFresh: () => Date.now() - readAt <= STALE_MS,
    isRevoked: memory.has,
    ask: async (token) => {
      if (memory.has(token)) return true;
      const askRedis = async () => (await within(redis.zscore(revocationList(shop), token.sessionId))) !== null;
      return within(revocations.isRevoked(token.sessionId, token.issuedAtS))
        .catch(askRedis)
        .catch(() => undefined);
    },
    note: (sessionId) => memory.addSession(sessionId, Date.now()),
    stop: () => {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
