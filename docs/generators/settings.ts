/** What people read about settings, made from the registry: `.env.example` and the README's table. */
import { settings } from '../../infra/process/config';

export interface SettingRow {
  readonly name: string;
  readonly doc: string;
  readonly secret: boolean;
  /** as one would write it in the environment; null when unset is an answer or there is none */
  readonly fallback: string | null;
  readonly required: boolean;
}

const written = (value: unknown): string | null => {
  if (value === undefined || value === '') return null;
  return Array.isArray(value) ? value.join(',') : String(value);
};

/** Every setting, in the order of the registry. */
export const settingRows = (): SettingRow[] =>
  Object.entries(settings).map(([name, { doc, schema, secret }]) => {
    const unset = schema.safeParse(undefined);
    return {
      name,
      doc,
      secret: secret === true,
      fallback: unset.success ? written(unset.data) : null,
      required: !unset.success,
    };
  });

const cell = (text: string): string => text.replaceAll('|', '\\|');

/** The README's configuration table. */
export function settingsTable(): string {
  const rows = settingRows().map(({ name, doc, secret, fallback, required }) => {
    const shown = fallback === null ? (required ? '**required**' : '–') : `\`${cell(fallback)}\``;
    return `| \`${name}\` | ${cell(doc)}${secret ? ' (secret)' : ''} | ${shown} |`;
  });
  return ['| variable | meaning | default |', '|---|---|---|', ...rows].join('\n');
}

const COMPOSE_ONLY: readonly (readonly [name: string, doc: string])[] = [
  ['MYSQL_PASSWORD', 'password of the MariaDB account'],
  ['REDIS_PASSWORD', 'password of Redis'],
  ['TEMPORAL_DB_PASSWORD', 'password of the PostgreSQL account of Temporal (compose.cluster.yml only)'],
  ['ADMIN_PASSWORD', 'password of the admin made by the seed'],
  ['MEMBER_PASSWORD', 'password of the demo members made by the seed'],
  ['GATEWAY_PORT', 'port of the gateway on this machine; default: 8080'],
  ['SANDBOX_PORT', 'port of the sandbox on this machine; default: 8090'],
  ['TEMPORAL_UI_PORT', 'port of the Temporal Web UI on this machine; default: 8233'],
];

/** Names that only the compose files know: servers' passwords and published ports. */
export const composeOnlyNames = (): string[] => COMPOSE_ONLY.map(([name]) => name);

const entry = ({ name, doc, secret, fallback, required }: SettingRow): string => {
  const note = required ? ' (required)' : fallback === null ? '' : ` (default: ${fallback})`;
  return `# ${doc}${secret ? '; secret' : ''}${note}\n#${name}=`;
};

/** `.env.example`: every variable there is, all commented out, so that a copy changes nothing by itself. */
export function envExample(): string {
  const head = [
    '# Every variable of Firstcome. Made from infra/process/config.ts; tests/unit/docs-generated.test.ts keeps it so.',
    '# `npm start` needs none of them. For Docker, `node docs/generators/new-secrets.mjs > .env` writes what is required.',
  ].join('\n');
  const compose = COMPOSE_ONLY.map(([name, doc]) => `# ${doc}\n#${name}=`);
  return `${[
    head,
    '# ── docker-compose.yml and compose.cluster.yml ──',
    ...compose,
    '# ── processes ──',
    ...settingRows().map(entry),
  ].join('\n\n')}\n`;
}
