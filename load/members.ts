/**
 * The buyers: members made through the public API before the clock starts, kept in a file beside the stack,
 * so that the next load only refreshes their tokens (a sign-up costs a password hash, a refresh does not).
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import type { Answer, Http } from './http';
import { eachOf } from './pace';

export interface LoadMember {
  readonly username: string;
  readonly password: string;
  accessToken: string;
  /** epoch ms */
  accessUntil: number;
  refreshToken: string;
}

/** A token must outlive the load; tokens of fifteen minutes are renewed when less than this is left. */
const LEFT_MS = 600_000;
const WIDTH = 16;
const PATIENCE_MS = 120_000;

/**
 * @param file where members of this gateway are kept; made when missing
 * @param onReady called for each member that is ready
 * @throws when a member can be neither made nor logged in
 */
export async function readyMembers(
  http: Http,
  { count, file, onReady }: { count: number; file: string; onReady: () => void },
): Promise<readonly LoadMember[]> {
  const kept = await readKept(file);
  const members = kept.slice(0, count);
  try {
    await eachOf(
      Array.from({ length: count }, (_, index) => index),
      WIDTH,
      async (index) => {
        members[index] = await readyMember(http, members[index]);
        onReady();
      },
    );
  } finally {
    // Refresh tokens are used up by a refresh: what was got must be kept, also when the rest failed.
    await keep(file, [...members.filter(Boolean), ...kept.slice(count)]);
  }
  return members;
}

async function readyMember(http: Http, member: LoadMember | undefined): Promise<LoadMember> {
  if (member && member.accessUntil - Date.now() > LEFT_MS) return member;
  if (member && (await renew(http, member))) return member;
  return signUp(http);
}

/** New tokens by refresh, else by log-in; false when the stack no longer knows this member. */
export async function renew(http: Http, member: LoadMember): Promise<boolean> {
  const until = Date.now() + PATIENCE_MS;
  const refreshed = await http.insist(
    { method: 'POST', path: '/v1/sessions/refresh', body: { refreshToken: member.refreshToken } },
    until,
  );
  if (takeTokens(member, refreshed)) return true;
  const { username, password } = member;
  const session = { method: 'POST', path: '/v1/sessions', body: { username, password } } as const;
  return takeTokens(member, await http.insist(session, until));
}

function takeTokens(member: LoadMember, { status, body }: Answer): boolean {
  if (status !== 200 && status !== 201) return false;
  member.accessToken = String(body.accessToken);
  member.refreshToken = String(body.refreshToken);
  member.accessUntil = Date.now() + Number(body.expiresIn) * 1_000;
  return true;
}

async function signUp(http: Http): Promise<LoadMember> {
  const username = `load-${randomBytes(8).toString('hex')}`;
  const member: LoadMember = { username, password: randomUUID(), accessToken: '', accessUntil: 0, refreshToken: '' };
  const until = Date.now() + PATIENCE_MS;
  const body = { username, password: member.password };
  const made = await http.insist({ method: 'POST', path: '/v1/members', body }, until);
  // A repeat after a lost answer finds the name taken, by ourselves: names are random.
  if (made.status !== 201 && made.body.code !== 'username_taken') {
    throw new Error(`sign-up answered ${made.status} ${String(made.body.code)}`);
  }
  const session = await http.insist({ method: 'POST', path: '/v1/sessions', body }, until);
  if (!takeTokens(member, session)) throw new Error(`log-in answered ${session.status} ${String(session.body.code)}`);
  return member;
}

async function readKept(file: string): Promise<LoadMember[]> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as LoadMember[];
  } catch {
    // None yet, or a file torn by a crash: members are cheap, sign-ups make new ones.
    return [];
  }
}

async function keep(file: string, members: readonly LoadMember[]): Promise<void> {
  await writeFile(`${file}.new`, JSON.stringify(members), { mode: 0o600 });
  await rename(`${file}.new`, file);
}
