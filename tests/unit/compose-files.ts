/** The compose files as Docker Compose understands them: merged, overlaid, with variables put in. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CollectionTag, type Document, isScalar, parseDocument, visit } from 'yaml';

export const ROOT = join(__dirname, '..', '..');

export interface ComposeService {
  readonly image: string;
  readonly build?: string;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number | boolean>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly configs?: readonly { readonly source: string }[];
  readonly healthcheck?: { readonly test?: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly restart?: string;
  readonly profiles?: readonly string[];
}
export interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes?: Readonly<Record<string, unknown>>;
  readonly configs?: Readonly<Record<string, { readonly content: string }>>;
}

const overrideTags = (['seq', 'map'] as const).map(
  (collection): CollectionTag => ({ tag: '!override', collection, resolve: (node) => node }),
);

function parse(path: string): Document {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const document = parseDocument(text, { merge: true, customTags: overrideTags });
  const [fault] = [...document.errors, ...document.warnings];
  if (fault) throw fault;
  return document;
}

const plain = (document: Document): Compose => document.toJS({ maxAliasCount: -1 }) as Compose;

export const readCompose = (path: string): Compose => plain(parse(path));

/** Paths of the values that replace what they are laid over, such as `services.temporal.ports`. */
function overriddenPaths(document: Document): Set<string> {
  const found = new Set<string>();
  visit(document, {
    Pair(_key, pair, ancestors) {
      const { value } = pair as { value?: { tag?: string } };
      if (value?.tag !== '!override') return;
      const keys = [...ancestors, pair].flatMap((node) =>
        'key' in node && isScalar(node.key) ? [node.key.value] : [],
      );
      found.add(keys.join('.'));
    },
  });
  return found;
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
/** Compose replaces these lists and appends all others. */
const REPLACED = /\.(command|entrypoint|test)$/;

/** Lays one file over another by Compose's rules: maps merge, lists append, commands and `!override` replace. */
export function readOverlaid(basePath: string, overPath: string): Compose {
  const over = parse(overPath);
  const overridden = overriddenPaths(over);
  const lay = (low: unknown, high: unknown, path: string): unknown => {
    if (overridden.has(path)) return high;
    if (isMap(low) && isMap(high)) {
      const keys = new Set([...Object.keys(low), ...Object.keys(high)]);
      const at = (key: string): string => (path ? `${path}.${key}` : key);
      return Object.fromEntries(
        [...keys].map((key) => [key, key in high ? lay(low[key], high[key], at(key)) : low[key]]),
      );
    }
    return Array.isArray(low) && Array.isArray(high) && !REPLACED.test(path) ? [...low, ...high] : high;
  };
  return lay(readCompose(basePath), plain(over), '') as Compose;
}

/** One `${NAME}`, `${NAME:-default}` or `${NAME:?message}` of a compose file. */
export interface Variable {
  readonly name: string;
  readonly kind: 'plain' | 'default' | 'required';
  /** of kind `default`; may hold further variables, which are listed on their own too */
  readonly fallback: string;
}
/** A default may hold a variable itself, such as the port in a URL. */
const VARIABLE = /(?<!\$)\$\{(\w+)(?::([-?])((?:[^{}]|\{[^{}]*\})*))?\}/g;
const KINDS: Readonly<Record<string, Variable['kind']>> = { '-': 'default', '?': 'required' };

export const variablesOf = (text: string): Variable[] =>
  [...text.matchAll(VARIABLE)].flatMap(([, name = '', sign = '', fallback = '']) => [
    { name, kind: KINDS[sign] ?? 'plain', fallback },
    ...variablesOf(fallback),
  ]);

/** What Compose hands to the container; a required variable that is not there is an error, as it is there. */
export function interpolate(text: string, env: Readonly<Record<string, string>>): string {
  const filled = text.replace(VARIABLE, (_whole, name: string, sign: string | undefined, rest: string) => {
    const value = env[name];
    if (value) return value;
    if (sign === '?') throw new Error(`${name} is not set`);
    return sign === '-' ? interpolate(rest, env) : '';
  });
  return filled.replaceAll('$$', '$');
}

/** The environment a container of this service gets. */
export const environmentOf = (service: ComposeService, env: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(service.environment ?? {}).map(([name, raw]) => [name, interpolate(String(raw), env)]),
  );

/** What `new-secrets.mjs` writes, as Compose reads a `.env` (single quotes go). */
export function newSecrets(): Record<string, string> {
  const out = execFileSync(process.execPath, [join(ROOT, 'docs/generators/new-secrets.mjs')], { encoding: 'utf8' });
  const lines = out.trimEnd().split('\n');
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), unquoted(line)]));
}
const unquoted = (line: string): string => line.slice(line.indexOf('=') + 1).replace(/^'(.*)'$/, '$1');
