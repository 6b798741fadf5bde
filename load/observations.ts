/** What buyers were told, written down for the audit: nothing that was acknowledged may be gone or have become another. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Observation } from '../audit/observations';
import type { Answer } from './http';
import type { LoadMember } from './members';

/** An observation, and when it was made; the audit passes over what it does not know. */
export type Told = Observation & { readonly at: string };

interface Checkout {
  readonly member: LoadMember;
  readonly key: string;
  readonly productId: string;
  readonly answer: Answer;
}

/** Of a checkout's last answer: an acceptance, or "finally sold out". Other refusals promise nothing. */
export function toldOf({ member, key, productId, answer: { status, body } }: Checkout): Told | null {
  const told = { memberId: memberIdOf(member.accessToken), key, status, productId, at: new Date().toISOString() };
  if (status === 202) {
    const { orderId, amount, sequence } = body;
    const numbered = typeof sequence === 'number' ? { sequence } : {};
    return { ...told, orderId: String(orderId), amount: Number(amount), ...numbered };
  }
  return body.code === 'sold_out' && body.final === true ? { ...told, final: true } : null;
}

/** The subject of an access token; read, not verified: it was given to us. */
function memberIdOf(accessToken: string): string {
  const payload = Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString('utf8');
  return String((JSON.parse(payload) as { sub?: unknown }).sub);
}

/** One JSON object a line. */
export async function writeObservations(file: string, told: readonly Told[]): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, told.map((each) => `${JSON.stringify(each)}\n`).join(''));
}
