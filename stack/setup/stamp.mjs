/** What set-up was done for. Unchanged: nothing is fetched, and a start needs no network. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export function stampOf(root) {
  const hash = createHash('sha256');
  for (const file of ['package-lock.json', 'stack/pins/requirements.txt', 'stack/pins/kafka-jars.sha256']) {
    hash.update(readFileSync(path.join(root, file)));
  }
  return hash.update(`${process.platform} ${process.arch} ${process.version}`).digest('hex');
}

/** The stamp holds only while what it stands for is there. */
export function isStamped(root, file) {
  const isThere = [
    'node_modules/.package-lock.json',
    '.firstcome/tools/python/bin/temporal',
    '.firstcome/tools/kafka',
  ].every((name) => existsSync(path.join(root, name)));
  return isThere && existsSync(file) && readFileSync(file, 'utf8') === stampOf(root);
}

export const writeStamp = (root, file) => writeFileSync(file, stampOf(root));
