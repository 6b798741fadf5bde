/** Which settings an entry point reads, found in its source and in what it imports. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { API_SETTINGS } from '../../api/app';
import { type SettingName, settings } from '../../infra/process/config';
import { type Compose, type ComposeService, ROOT } from './compose-files';

/** `dist/api/main.js` in a command → `api/main.ts`; null when the container runs nothing of ours. */
export function entryOf(service: ComposeService): string | null {
  const entry = /\bdist\/([\w/-]+)\.js\b/.exec(
    [...(service.entrypoint ?? []), ...(service.command ?? [])].join(' '),
  )?.[1];
  return service.build && entry ? `${entry}.ts` : null;
}

const isSetting = (text: string): text is SettingName => text in settings;

/** A relative import's source file; null for packages and JSON. */
function sourceOf(from: string, specifier: string): string | null {
  if (!specifier.startsWith('.')) return null;
  const base = join(dirname(from), specifier);
  return [`${base}.ts`, join(base, 'index.ts')].find((path) => existsSync(path)) ?? null;
}

interface Found {
  readonly names: SettingName[];
  /** optional in the registry, but asked for by `requireSettings`: this process does not start without */
  readonly required: SettingName[];
  readonly imports: string[];
}

/** Setting names inside array literals (those given to `readConfig`, or a list it is given), and value imports. */
function lookInto(path: string): Found {
  const found: Found = { names: [], required: [], imports: [] };
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteral(node) && ts.isArrayLiteralExpression(node.parent) && isSetting(node.text)) {
      found.names.push(node.text);
    }
    if (ts.isCallExpression(node) && node.expression.getText() === 'requireSettings') {
      for (const each of node.arguments.flatMap((given) => (ts.isArrayLiteralExpression(given) ? given.elements : [])))
        if (ts.isStringLiteral(each) && isSetting(each.text)) found.required.push(each.text);
    }
    if (ts.isImportDeclaration(node) && !node.importClause?.isTypeOnly && ts.isStringLiteral(node.moduleSpecifier)) {
      found.imports.push(node.moduleSpecifier.text);
    }
    if (ts.isExportDeclaration(node) && node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier)) {
      found.imports.push(node.moduleSpecifier.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true));
  return found;
}

export interface EntrySettings {
  readonly read: ReadonlySet<SettingName>;
  readonly required: ReadonlySet<SettingName>;
}

/** The settings that an entry point reads, by itself or by what it imports. */
export function settingsOf(entry: string): EntrySettings {
  // The services read every setting but a few, by a list that is computed.
  const read = new Set<SettingName>(entry === 'api/main.ts' ? API_SETTINGS : []);
  const required = new Set<SettingName>();
  const seen = new Set<string>();
  const walk = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    const found = lookInto(path);
    for (const name of found.names) read.add(name);
    for (const name of found.required) required.add(name);
    for (const specifier of found.imports) {
      const next = sourceOf(path, specifier);
      if (next) walk(next);
    }
  };
  walk(join(ROOT, entry));
  return { read, required };
}

/** The containers that run something of ours: name, service, entry point. */
export const ours = (compose: Compose): [string, ComposeService, string][] =>
  Object.entries(compose.services).flatMap(([name, service]): [string, ComposeService, string][] => {
    const entry = entryOf(service);
    return entry ? [[name, service, entry]] : [];
  });
/** A job runs to its end: it is started again only when it failed, or only by hand. */
export const isJob = (compose: Compose, name: string): boolean =>
  /^(on-failure(:\d+)?|no)$/.test(compose.services[name]?.restart ?? '');
