/**
 * Builds dist/: every TypeScript folder by swc, other files copied beside, then the workflow bundle.
 * Incremental: a file is built when its content has changed since the last build (hashes in dist/.hashes.json).
 */
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const DIST = path.join(ROOT, 'dist');
const FOLDERS = [
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
  'stack',
  'tests/replay',
  'tests/support',
];
/** What ends up in the workflow bundle: a change in any of these bundles anew. */
const BUNDLED = /^(domain|workflows|activities|infra\/temporal\/bundle)/;
const BUNDLE = path.join(DIST, 'workflow-bundle.js');
const HASHES = path.join(DIST, '.hashes.json');

const SWC = {
  swcrc: false,
  configFile: false,
  sourceMaps: true,
  module: { type: 'commonjs' },
  jsc: {
    target: 'es2023',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true },
  },
};

const filesBelow = (folder) =>
  existsSync(path.join(ROOT, folder))
    ? readdirSync(path.join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
        const name = `${folder}/${entry.name}`;
        return entry.isDirectory() ? filesBelow(name) : [name];
      })
    : [];

const targetOf = (file) => path.join(DIST, file.replace(/\.ts$/, '.js'));

const readHashes = () => {
  try {
    return JSON.parse(readFileSync(HASHES, 'utf8'));
  } catch {
    return {};
  }
};

async function buildFile(file, transform) {
  const target = targetOf(file);
  mkdirSync(path.dirname(target), { recursive: true });
  if (!file.endsWith('.ts')) return copyFileSync(path.join(ROOT, file), target);
  const { code, map } = await transform(path.join(ROOT, file), SWC);
  writeFileSync(target, `${code}\n//# sourceMappingURL=${path.basename(target)}.map\n`);
  writeFileSync(`${target}.map`, map);
}

/** What the worker loads; compiled code knows how it is made. */
async function bundle(require) {
  const { DefaultLogger } = require('@temporalio/worker');
  const { bundleWorkflows } = require(path.join(DIST, 'infra', 'temporal', 'bundle.js'));
  const { code } = await bundleWorkflows(path.join(DIST, 'workflows', 'index.js'), new DefaultLogger('WARN'));
  writeFileSync(BUNDLE, code);
}

/** @returns how many files were built, and whether the bundle was */
export async function build() {
  const require = createRequire(import.meta.url);
  // The compiler itself is loaded when there is something to compile.
  const { version } = require('@swc/core/package.json');
  const before = readHashes();
  const recipe = createHash('sha256')
    .update(readFileSync(fileURLToPath(import.meta.url)))
    .update(version)
    .digest('hex');
  const known = before.recipe === recipe ? before.files : {};
  const files = {};
  const changed = [];
  for (const file of FOLDERS.flatMap(filesBelow).filter(
    (name) => !name.endsWith('.test.ts') && !name.endsWith('.d.ts'),
  )) {
    files[file] = createHash('sha256')
      .update(readFileSync(path.join(ROOT, file)))
      .digest('hex');
    if (known[file] !== files[file] || !existsSync(targetOf(file))) changed.push(file);
  }
  for (const gone of Object.keys(known).filter((file) => !(file in files))) rmSync(targetOf(gone), { force: true });
  for (const file of changed) await buildFile(file, require('@swc/core').transformFile);

  const hasWorkflows = existsSync(path.join(DIST, 'workflows', 'index.js'));
  const isBundleDue = hasWorkflows && (!existsSync(BUNDLE) || changed.some((file) => BUNDLED.test(file)));
  if (isBundleDue) await bundle(require);
  mkdirSync(DIST, { recursive: true });
  writeFileSync(HASHES, JSON.stringify({ recipe, files }));
  return { built: changed.length, bundled: isBundleDue };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { built, bundled } = await build();
  process.stdout.write(`built ${built} files${bundled ? ' and the workflow bundle' : ''}\n`);
}
