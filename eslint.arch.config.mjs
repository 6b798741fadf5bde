/**
 * The direction of imports, static and dynamic: domain <- infra <- activities <~ workflows (types only); api, gateway,
 * workers, audit sit on top, and nobody imports them. Each message says where the thing belongs instead.
 */
import tseslint from 'typescript-eslint';

const LAYERS = [
  'domain',
  'infra',
  'activities',
  'workflows',
  'workers',
  'api',
  'gateway',
  'audit',
  'sandbox',
  'load',
  'bench',
  'stack',
  'tests',
];

/** layer → what it may import besides itself: a layer, or one folder or file of it; `types:` only by `import type` */
const MAY = {
  domain: [],
  infra: ['domain'],
  activities: ['domain', 'types:infra'],
  workflows: ['domain', 'types:activities', 'types:infra'],
  workers: ['domain', 'infra', 'activities', 'workflows'],
  api: ['domain', 'infra', 'workflows'],
  gateway: ['domain', 'infra'],
  audit: ['domain', 'infra'],
  sandbox: ['domain', 'infra/process'],
  // The form in which buyers' answers are handed to the audit.
  load: ['domain', 'audit/observations'],
  // Topics and the first admin are made by the launcher: a process for each would cost every start a second. The API has
  // no way to make an admin, so whoever runs the shop writes that one row.
  stack: ['domain', 'infra/process', 'infra/kafka', 'infra/mysql/data-source', 'infra/mysql/repositories/members'],
};

const WHY = {
  domain:
    'domain/ holds pure facts and decisions: no I/O, no clock. Move what needs the world to infra/ and hand its result in.',
  infra:
    'infra/ speaks to foreign systems and knows only domain/. What combines several of them belongs to api/, activities/ or workers/.',
  activities: 'activities/ get infra through their factory (import type only); the worker connects.',
  workflows:
    'workflows/ are replayed: no I/O and no library in the bundle. Reach the world through activities (import type).',
  workers: 'Nothing imports another process. Share through infra/ or domain/.',
  api: 'Services do not call each other and import no worker or gateway. Share through infra/ or domain/.',
  gateway: 'The gateway knows URLs, not business: it speaks HTTP to services.',
  audit: 'The audit reads the stores by itself, so that it cannot share a mistake with what it checks.',
  sandbox: 'The sandbox is another company: it shares only process plumbing.',
  load: 'load/ is an outsider: public HTTP only.',
  stack: 'The launcher starts processes; it does not import them.',
};

/** The one place of workflows that others may import. */
const MESSAGES = '(?!/[^/]+/messages(\\.js)?$)';

/** A whole layer is closed but for the parts of it that are named. */
const patternsOf = (layer) =>
  LAYERS.filter((other) => other !== layer && !MAY[layer].includes(other)).map((other) => {
    const parts = MAY[layer].filter((may) => may.startsWith(`${other}/`)).map((may) => may.slice(other.length + 1));
    // Dynamic imports name the file with its ending.
    const open = parts.length > 0 ? `(?!/(${parts.join('|')})(/|(\\.js)?$))` : '';
    return {
      regex: `^(\\.\\./)+${other}${open}(/|$)`,
      allowTypeImports: MAY[layer].includes(`types:${other}`),
      message: WHY[layer],
    };
  });

const apiToWorkflows = {
  regex: `^(\\.\\./)+workflows${MESSAGES}`,
  message: 'Of a workflow, clients import messages.ts only.',
};
const bundleLibraries = {
  regex: '^(zod|typeorm|ioredis|kafkajs|mysql2|express|node:.*)$',
  message: 'workflows/ are bundled and replayed: no library but the Temporal SDK.',
};

const patternsFor = (layer) => [
  ...patternsOf(layer),
  ...(layer === 'api' ? [apiToWorkflows] : []),
  ...(layer === 'workflows' ? [bundleLibraries] : []),
];

/** What may not be imported may not be imported later either; and what is computed cannot be held against this table. */
const dynamicImports = (layer) => [
  ...patternsFor(layer).flatMap(({ regex, message }) => {
    const path = `value=/${regex.replaceAll('/', '\\u002F')}/`;
    return [
      { selector: `ImportExpression[source.${path}]`, message },
      { selector: `CallExpression[callee.name="require"] > Literal[${path}]`, message },
    ];
  }),
  ...[
    'ImportExpression:not([source.type="Literal"])',
    'CallExpression[callee.name="require"]:not([arguments.0.type="Literal"])',
  ].map((selector) => ({
    selector,
    message: 'Name what is imported: a computed import passes every rule of this file.',
  })),
];

export default tseslint.config(
  { ignores: ['dist/**', '.firstcome*/**', 'node_modules/**'] },
  ...Object.keys(MAY).map((layer) => ({
    files: [`${layer}/**/*.ts`],
    // Comments that switch other rules off mean nothing here.
    linterOptions: { reportUnusedDisableDirectives: 'off' },
    languageOptions: { parser: tseslint.parser },
    plugins: { '@typescript-eslint': tseslint.plugin },
    rules: {
      '@typescript-eslint/no-restricted-imports': ['error', { patterns: patternsFor(layer) }],
      'no-restricted-syntax': ['error', ...dynamicImports(layer)],
    },
  })),
);
