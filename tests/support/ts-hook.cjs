/**
 * `node -r tests/support/ts-hook.cjs sandbox/main.ts`: runs an entry point from its source, so that a test can
 * start, kill and start again a real process of ours without a build before it.
 */
const { transformFileSync } = require('@swc/core');

const options = {
  jsc: {
    parser: { syntax: 'typescript', decorators: true },
    target: 'es2022',
    transform: { legacyDecorator: true, decoratorMetadata: true },
  },
  module: { type: 'commonjs' },
  sourceMaps: 'inline',
};

require.extensions['.ts'] = (module, filename) => module._compile(transformFileSync(filename, options).code, filename);
