/** MariaDB: the only truth. Own data folder, loopback only, every commit on disk before it is answered. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { createConnection } from 'mysql2/promise';
import { isRoot, type ServerPlace, type ServerSpec, serverEnv } from './server-spec';
import { findMariadbd, findMariadbInstall } from './tools';

export interface MariadbPlace extends ServerPlace {
  readonly user: string;
  readonly password: string;
}

/** A unix socket's path may have 107 characters: a deep clone gets a short place of its own. */
const SOCKET_MAX = 100;
export function socketOf(dir: string): string {
  const near = path.join(dir, 'm.sock');
  if (near.length <= SOCKET_MAX) return near;
  return path.join(tmpdir(), `firstcome-${createHash('sha256').update(dir).digest('hex').slice(0, 16)}.sock`);
}

/** @param database absent: no database chosen */
export const mariadbUrl = ({ user, password, port }: MariadbPlace, database = ''): string =>
  `mysql://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`;

const asUser = (): string[] => (isRoot() ? ['--user=root'] : []);

/** System tables, made beside and moved in whole: a set-up that was cut off starts over. */
async function install(place: MariadbPlace): Promise<void> {
  if (existsSync(path.join(place.dir, 'installed'))) return;
  rmSync(place.dir, { recursive: true, force: true });
  mkdirSync(place.dir, { recursive: true });
  await promisify(execFile)(findMariadbInstall(), [
    '--no-defaults',
    `--datadir=${place.dir}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    ...asUser(),
  ]);
  const quoted = (text: string): string => `'${text.replaceAll(/['\\]/g, '\\$&')}'`;
  writeFileSync(
    path.join(place.dir, 'init.sql'),
    [
      `CREATE USER IF NOT EXISTS ${quoted(place.user)}@'%' IDENTIFIED BY ${quoted(place.password)};`,
      `GRANT ALL ON *.* TO ${quoted(place.user)}@'%';`,
      `ALTER USER 'root'@'localhost' IDENTIFIED BY ${quoted(place.password)};`,
      '',
    ].join('\n'),
    { mode: 0o600 },
  );
  writeFileSync(path.join(place.dir, 'installed'), 'mariadb\n');
}

export function mariadbSpec(place: MariadbPlace): ServerSpec {
  const socket = socketOf(place.dir);
  return {
    name: 'mariadb',
    command: findMariadbd(),
    args: [
      '--no-defaults',
      `--datadir=${place.dir}`,
      `--socket=${socket}`,
      `--port=${place.port}`,
      `--init-file=${path.join(place.dir, 'init.sql')}`,
      `--pid-file=${path.join(place.dir, 'mariadb.pid')}`,
      '--bind-address=127.0.0.1',
      '--skip-name-resolve',
      // READ COMMITTED with guards judges what is committed now; this switch of newer versions would refuse instead.
      '--loose-innodb-snapshot-isolation=OFF',
      '--character-set-server=utf8mb4',
      '--collation-server=utf8mb4_unicode_ci',
      '--default-time-zone=+00:00',
      '--innodb-flush-log-at-trx-commit=1',
      '--innodb-buffer-pool-size=256M',
      '--innodb-log-file-size=256M',
      '--innodb-lock-wait-timeout=5',
      '--max-connections=500',
      '--skip-log-bin',
      ...asUser(),
    ],
    env: serverEnv(),
    log: place.log,
    // Without the account: the table is read over shoulders.
    url: `mariadb://127.0.0.1:${place.port}`,
    prepare: () => install(place),
    isReady: async () => {
      const connection = await createConnection({ uri: mariadbUrl(place), connectTimeout: 1_000 });
      await connection.query('SELECT 1').finally(() => connection.destroy());
      return true;
    },
  };
}
