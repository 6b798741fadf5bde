/** `node docs/generators/write.cjs`: writes every made part of the documents anew, from the source as it is. */
require('../../tests/support/ts-hook.cjs');
const { writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { madeFiles, ROOT } = require('./documents');

for (const [path, text] of madeFiles()) writeFileSync(join(ROOT, path), text);
