/**
 * Writes every made part anew:
 *
 *   node -r ./tests/support/ts-hook.cjs docs/generators/write.ts
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { madeFiles, ROOT } from './documents';

for (const [path, text] of madeFiles()) writeFileSync(join(ROOT, path), text);
