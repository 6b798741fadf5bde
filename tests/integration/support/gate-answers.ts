/** Asks the gate's scripts one at a time: what each answered, what it changed in Redis, and which answers there are. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Redis } from 'ioredis';
import { gateKeys } from '../../../infra/redis/keys';
import { createScripts, type RunScript } from '../../../infra/redis/scripts';
import { testServers, uniqueName } from '../../support/servers';
import { createCalls, type NamedCall, TOKEN } from './gate-calls';

/** By `<key> <field or member>`: fields, scores, texts; numbers as numbers; `until` (ms) where a key expires. */
type Entries = Record<string, string | number>;

export interface Told {
  readonly answer: readonly string[];
  /** entries as they are now; null for those that went */
  readonly changes: Record<string, string | number | null>;
  /** what subscribers of rises heard meanwhile */
  readonly news: readonly string[];
}
export const wrote = (answer: string[], changes: Told['changes'], news: string[] = []): Told => ({
  answer,
  changes,
  news,
});
/** Changes within one key. */
export const within = (key: string, fields: Told['changes']): Told['changes'] =>
  Object.fromEntries(Object.entries(fields).map(([field, value]) => [`${key} ${field}`, value]));
/** An answer that wrote nothing. */
export const only = (...answer: string[]): Told => wrote(answer, {});

/** All keys of a shop. */
async function readEntries(redis: Redis, shop: string): Promise<Entries> {
  const entries: Entries = {};
  for (const key of await redis.keys(`{${shop}}:*`)) {
    const name = key.slice(`{${shop}}:`.length).replace(/^g1:/, '');
    const note = (part: string, value: string | number): void => {
      entries[`${name} ${part}`.trim()] = /^-?\d+$/.test(String(value)) ? Number(value) : value;
    };
    const type = await redis.type(key);
    if (type === 'string') note('', (await redis.get(key)) ?? '');
    if (type === 'set') for (const member of await redis.smembers(key)) note(member, 'in');
    if (type === 'hash') for (const [field, value] of Object.entries(await redis.hgetall(key))) note(field, value);
    if (type === 'zset') {
      for (const member of await redis.zrange(key, 0, -1)) note(member, (await redis.zscore(key, member)) ?? '');
    }
    const until = await redis.pexpiretime(key);
    if (until > 0) note('until', until);
  }
  return entries;
}

function changesOf(before: Entries, after: Entries): Told['changes'] {
  const names = Object.keys({ ...before, ...after }).filter((name) => before[name] !== after[name]);
  return Object.fromEntries(names.map((name) => [name, after[name] ?? null]));
}

/** Resolves with what came since it was asked last: a mark on the same channel comes after all that was said before. */
async function hearOn(redis: Redis, channel: string) {
  const subscriber = redis.duplicate();
  await subscriber.subscribe(channel);
  const heard: string[] = [];
  let onMark: () => void = () => undefined;
  subscriber.on('message', (_channel, message: string) => (message === 'mark' ? onMark() : heard.push(message)));
  const news = async (): Promise<readonly string[]> => {
    const marked = new Promise<void>((resolve) => {
      onMark = resolve;
    });
    await redis.publish(channel, 'mark');
    await marked;
    return heard.splice(0);
  };
  return { news, close: () => subscriber.disconnect() };
}

/** `<script> <answer>`; an answer without a name is a number. */
const answerOf = (script: string, answer = ''): string => `${script} ${/^[a-z]\w*/i.exec(answer)?.[0] ?? '<number>'}`;

/** Shops on the shared Redis, each with an open gate. */
export function createBench() {
  const redis = new Redis(testServers().redis);
  const seen = new Set<string>();
  const releases = [() => redis.disconnect()];
  const run = createScripts(redis);
  const counted: RunScript = async (name, call) => {
    const answer = await run(name, call);
    seen.add(answerOf(name, answer[0]));
    return answer;
  };
  return {
    redis,
    /** answers that `ask` was given so far */
    seen,
    async shop() {
      const shop = uniqueName('t');
      const { gate, rises, of } = gateKeys(shop);
      const { news, close } = await hearOn(redis, rises);
      releases.push(close);
      const calls = createCalls(shop);
      await redis.set(gate, TOKEN);
      return {
        gate,
        sequence: of(1).sequence,
        calls,
        /** Sets the stage. */
        async arrange(...before: readonly NamedCall[]): Promise<void> {
          for (const { name, ...call } of before) await run(name, call);
        },
        /** The call under test. */
        async ask({ name, ...call }: NamedCall): Promise<Told> {
          await news();
          const before = await readEntries(redis, shop);
          const answer = await counted(name, call);
          return { answer, changes: changesOf(before, await readEntries(redis, shop)), news: await news() };
        },
      };
    },
    close(): void {
      for (const release of releases.reverse()) release();
    },
  };
}
export type Shop = Awaited<ReturnType<ReturnType<typeof createBench>['shop']>>;

const FOLDER = path.resolve(__dirname, '../../../infra/redis/scripts');
const scripts = readdirSync(FOLDER).map((file) => ({
  script: path.basename(file, '.lua'),
  source: readFileSync(path.join(FOLDER, file), 'utf8'),
}));

/** The answers that the heads of the Lua files name: after `Answers:`, and on the lines below it that are set in. */
export const namedAnswers = (): string[] =>
  scripts.flatMap(({ script, source }) => {
    const [, text = ''] = /^-- Answers:(.*\n(?:-- {3}.*\n)*)/m.exec(source) ?? [];
    const answers = text.split(/\||\n--|\n/).map((each) => each.trim());
    return answers.filter(Boolean).map((each) => answerOf(script, each));
  });

/** The answers that the code of the Lua files can give: each begins a list, or is put before one. */
export const codedAnswers = (): string[] =>
  scripts.flatMap(({ script, source }) => {
    const answers = [...source.matchAll(/(?:return \{|answer = \{|insert\(answer, 1,) (?:'(\w+)'|tostring)/g)];
    return [...new Set(answers.map(([, answer]) => answerOf(script, answer)))];
  });
