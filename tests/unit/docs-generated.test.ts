import { existsSync } from 'node:fs';
import { DOCUMENTS, madeFiles, partsOf, readDocument } from '../../docs/generators/documents';

const HOW = 'run: node docs/generators/write.cjs';

test.each([...madeFiles()])('When settings or contract change, then %s is made anew', (path, expected) => {
  const actual = existsSync(path) ? readDocument(path) : '';
  // A diff of a whole document hides the sentence that helps.
  const firstDifference = expected.split('\n').find((line, index) => line !== actual.split('\n')[index]);
  expect({ path, firstDifference, HOW }).toEqual({ path, firstDifference: undefined, HOW });
  expect(actual).toBe(expected);
});

test.each(Object.entries(DOCUMENTS))('When somebody edits %s, then its made parts stay in it', (path, parts) => {
  expect(partsOf(readDocument(path))).toEqual(parts);
});
