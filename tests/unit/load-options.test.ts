/** What the load refuses before it does anything: one sentence each, and no stack trace. */
import { parseOptions } from '../../load/options';

const { SANDBOX_URL: given } = process.env;
let complaint: string;

beforeEach(() => {
  delete process.env.SANDBOX_URL;
  complaint = '';
  jest.spyOn(process, 'exit').mockImplementation(() => {
    throw new Error('exit');
  });
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    complaint += String(text);
    return true;
  });
});
afterEach(() => {
  jest.restoreAllMocks();
  if (given === undefined) delete process.env.SANDBOX_URL;
  else process.env.SANDBOX_URL = given;
});

test.each([
  { argv: ['--buyers', '0'] },
  { argv: ['--decline', '1.5'] },
  { argv: ['--decline', '0.6', '--abandon', '0.6'] },
  { argv: ['--rate', 'x'] },
  { argv: ['--url', 'https://shop.example.com'] },
  { argv: ['--bogus'] },
])('When options make no sense ($argv), then they are refused in one sentence', ({ argv }) => {
  expect(() => parseOptions(argv)).toThrow('exit');
  expect(complaint).toMatch(/^.+\n$/);
});

const NO_URLS = [
  'notaurl',
  '',
  'localhost:8080',
  'ftp://shop.example.com',
  'http:shop',
  'http://',
  ' https://a.example',
];

test.each(NO_URLS)(
  "When '%s' is given as --url or --sandbox, then the option is named, and what it must be",
  (text) => {
    for (const [option, argv] of [
      ['--url', ['--url', text, '--sandbox', 'http://127.0.0.1:8090']],
      ['--sandbox', ['--url', 'http://127.0.0.1:8080', '--sandbox', text]],
      ['--sandbox', ['--sandbox', text]],
    ] as const) {
      complaint = '';
      expect(() => parseOptions(argv)).toThrow('exit');
      expect(complaint).toBe(
        `error: option '${option} <url>' argument '${text}' is invalid. must be an http:// or https:// URL\n`,
      );
    }
  },
);

test('When SANDBOX_URL is no URL, then it is refused as --sandbox is, unless --sandbox is given', () => {
  process.env.SANDBOX_URL = 'x';
  expect(() => parseOptions([])).toThrow('exit');
  expect(complaint).toMatch(/^error: .+ value 'x' from env 'SANDBOX_URL' is invalid. must be an http.+\n$/);
  expect(parseOptions(['--sandbox', 'http://127.0.0.1:8090'])).toMatchObject({ sandbox: 'http://127.0.0.1:8090' });
});

test('When addresses are http or https URLs, then they are taken as they are; an empty variable is none', () => {
  const argv = ['--url', 'HTTPS://shop.example.com/api/', '--sandbox', 'http://[::1]:8090'];
  expect(parseOptions(argv)).toMatchObject({ url: argv[1], sandbox: argv[3] });
  process.env.SANDBOX_URL = 'https://sandbox.example.com';
  expect(parseOptions([]).sandbox).toBe('https://sandbox.example.com');
  process.env.SANDBOX_URL = '';
  expect(parseOptions([]).sandbox).toBeUndefined();
});
