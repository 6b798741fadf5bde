/** Where the load goes: the stack that runs here, unless told otherwise. */
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LoadOptions } from './options';

export interface Target {
  readonly gateway: string;
  readonly sandbox: string;
  /** where members of this gateway are kept */
  readonly membersFile: string;
  /** makes the product, and reads where sagas are shown */
  readonly admin: { readonly username: string; readonly password: string };
}

/** Said to the user as it is: what is missing, and what to do. */
export class LoadError extends Error {
  override readonly name = 'LoadError';
}

interface StackFile {
  readonly parts?: Readonly<Record<string, { readonly url?: string } | undefined>>;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws LoadError when an address or the admin's password is not known */
export async function findTarget(options: LoadOptions, env: Environment): Promise<Target> {
  const home = env.FIRSTCOME_HOME || join(process.cwd(), '.firstcome');
  const stack = await readJson<StackFile>(join(home, 'stack.json'));
  const gateway = options.url ?? stack?.parts?.gateway?.url;
  const sandbox = options.sandbox ?? stack?.parts?.sandbox?.url;
  if (!gateway) throw new LoadError('no stack runs here: start one with `npm start`, or give --url');
  if (!sandbox) throw new LoadError('the payment sandbox is not known: give --sandbox, or set SANDBOX_URL');
  await mkdir(home, { recursive: true });
  const isOwn = options.url === undefined || options.url === stack?.parts?.gateway?.url;
  return {
    gateway,
    sandbox,
    membersFile: join(home, isOwn ? 'load-members.json' : `load-members-${digest(gateway)}.json`),
    admin: findAdmin(env),
  };
}

/** `npm run load` hands the password of this stack over; the file it comes from holds keys too, and is not ours to read. */
function findAdmin(env: Environment): Target['admin'] {
  if (!env.ADMIN_PASSWORD) throw new LoadError('the admin password is not known: set ADMIN_PASSWORD');
  return { username: env.ADMIN_USERNAME || 'admin', password: env.ADMIN_PASSWORD };
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 8);

async function readJson<T>(file: string): Promise<T | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as T;
  } catch {
    // No stack has been here, or it is being written: the caller says what is missing.
    return null;
  }
}
