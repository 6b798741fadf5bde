/** Pages for people: the API at a glance, and one page per problem code. Plain HTML without scripts, so it works offline. */
import { PROBLEMS, type ProblemCode } from '../domain/errors';
import { operations } from '../domain/operations';
import type { OperationShape } from '../domain/operations/operation';

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escapeHtml = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => ESCAPES[character] ?? '');

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}
code,pre{font:14px/1.5 ui-monospace,monospace;background:#f4f5f7;border-radius:4px;padding:.1em .3em}
pre{padding:.8em;overflow:auto}summary{cursor:pointer;padding:.3em 0}table{border-collapse:collapse}
td,th{text-align:left;vertical-align:top;padding:.2em .8em .2em 0}.method{display:inline-block;width:4.5em;font-weight:600}
@media(prefers-color-scheme:dark){body{background:#15181c;color:#e4e7eb}code,pre{background:#23272e}a{color:#8ab4f8}}`;

const page = (title: string, body: string): string =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(title)}</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><style>${STYLE}</style></head>
<body><h1>${escapeHtml(title)}</h1>${body}</body></html>`;

const problemLink = (code: ProblemCode): string => `<a href="/problems/${code}"><code>${code}</code></a>`;

const ACCESS: Readonly<Record<OperationShape['access'], string>> = {
  public: 'anybody',
  member: 'members (Bearer access token)',
  admin: 'admins (Bearer access token)',
  stream: 'the owner (Bearer access token, or the ticket in <code>eventsUrl</code>)',
};

const answersOf = ({ answers }: OperationShape): string =>
  Object.entries(answers)
    .map(([status, { description }]) => `<tr><th>${status}</th><td>${escapeHtml(description)}</td></tr>`)
    .join('');

const refusalsOf = ({ problems = [] }: OperationShape): string =>
  problems.map((code) => `<tr><th>${PROBLEMS[code][0]}</th><td>${problemLink(code)}</td></tr>`).join('');

type Schemas = Readonly<
  Record<string, Readonly<Record<string, { readonly requestBody?: { readonly content: object } }>>>
>;

function bodyOf(operation: OperationShape, paths: Schemas): string {
  const [mediaType, content] =
    Object.entries(paths[operation.path]?.[operation.method]?.requestBody?.content ?? {})[0] ?? [];
  if (!mediaType) return '';
  const text = JSON.stringify((content as { readonly schema: unknown }).schema, null, 2);
  return `<p>Body, <code>${escapeHtml(mediaType)}</code>:</p><pre>${escapeHtml(text)}</pre>`;
}

const section = (operation: OperationShape, paths: Schemas): string => `<details id="${operation.id}"><summary>
<span class="method">${operation.method.toUpperCase()}</span> <code>${escapeHtml(operation.path)}</code> ${escapeHtml(operation.summary)}</summary>
<p>For ${ACCESS[operation.access]}.${operation.idempotent ? ' Needs an <code>Idempotency-Key</code>.' : ''}</p>
${bodyOf(operation, paths)}<table>${answersOf(operation)}${refusalsOf(operation)}</table></details>`;

/** @param openApi the OpenAPI document; its bodies are shown */
export function docsPage(openApi: Readonly<Record<string, unknown>>): string {
  const paths = openApi.paths as Schemas;
  const services = [...new Set(operations.map(({ service }) => service))];
  const chapters = services.map((service) => {
    const own = operations.filter((operation) => operation.service === service);
    return `<h2>${service}</h2>${own.map((operation) => section(operation, paths)).join('')}`;
  });
  return page(
    'Firstcome API',
    `<p>For programs: <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1). Refusals are
<code>application/problem+json</code>; every answer carries a <code>Request-Id</code>.</p>${chapters.join('')}`,
  );
}

/** The page of one problem code; undefined when there is no such code. */
export function problemPage(code: string): string | undefined {
  if (!Object.hasOwn(PROBLEMS, code)) return undefined;
  const [status, title] = PROBLEMS[code as ProblemCode];
  const users = operations.filter(({ problems }) => problems?.includes(code as ProblemCode));
  const list = users
    .map(
      ({ id, method, path }) =>
        `<li><a href="/docs#${id}"><code>${method.toUpperCase()} ${escapeHtml(path)}</code></a></li>`,
    )
    .join('');
  const where = list ? `<p>Answered by:</p><ul>${list}</ul>` : '<p>Any operation may answer it.</p>';
  return page(
    title,
    `<p>Status ${status}, code <code>${code}</code>, type <code>urn:firstcome:problem:${code}</code>.</p>${where}`,
  );
}
