/** The README's shell blocks, run in order in one bash, as it says. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { createHome } from '../../stack/launcher/home';
import { createShop } from './support/shop';
import { connectSystem } from './support/system';

const ROOT = path.resolve(__dirname, '..', '..');

test('When the shell blocks of the README are run unchanged, then they buy, also when the newest product is sold out: the last line says CONFIRMED', async () => {
  const blocks = [...readFileSync(path.join(ROOT, 'README.md'), 'utf8').matchAll(/^```bash\n([\s\S]*?)^```$/gm)];
  expect(blocks.length).toBeGreaterThan(0);
  const system = await connectSystem();
  await createShop(system.addresses)
    .createProduct({ stock: 0 })
    .finally(() => system.close());
  // The blocks look for the stack in ./.firstcome: here, that of this run.
  const folder = mkdtempSync(path.join(tmpdir(), 'firstcome-readme-'));
  try {
    symlinkSync(createHome(ROOT).dir, path.join(folder, '.firstcome'));
    const script = blocks.map(([, block]) => block).join('\n');
    const run = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script], {
      cwd: folder,
      timeout: 60_000,
    });
    expect(run.stdout.trim().split('\n').at(-1)).toBe('CONFIRMED');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 90_000);
