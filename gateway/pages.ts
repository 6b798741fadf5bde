/** One page per problem code, for people. Plain HTML without scripts, so it works offline. */
import { PROBLEMS, type ProblemCode, problemMembers } from '../domain/errors';
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

const page = (title: string, body: string): string =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(title)}</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><link rel="stylesheet" href="/docs/problem.css"></head>
<body><h1>${escapeHtml(title)}</h1>${body}</body></html>`;

/** The registry writes names in backquotes, as its other readers understand them. */
const prose = (text: string): string => escapeHtml(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>');

const list = (items: readonly string[]): string => `<ul>${items.map((item) => `<li>${item}</li>`).join('')}</ul>`;

function membersOf(code: ProblemCode): string {
  const members = Object.entries(problemMembers(code));
  if (members.length === 0) return '';
  const items = members.map(([name, meaning]) => `<code>${name}</code>: ${prose(meaning)}`);
  return `<p>Beside the members that every problem has:</p>${list(items)}`;
}

/** Its place on the page of `/docs/`. */
const operationLink = ({ id, service, method, path }: OperationShape): string =>
  `<a href="/docs/#/${service}/${id}"><code>${method.toUpperCase()} ${escapeHtml(path)}</code></a>`;

function usersOf(code: ProblemCode): string {
  const users = operations.filter(({ problems }) => problems?.includes(code));
  if (users.length === 0) return '<p>Any operation may answer it.</p>';
  return `<p>Answered by:</p>${list(users.map(operationLink))}`;
}

/** The page of one problem code; undefined when there is no such code. */
export function problemPage(text: string): string | undefined {
  if (!Object.hasOwn(PROBLEMS, text)) return undefined;
  const code = text as ProblemCode;
  const [status, title, explanation] = PROBLEMS[code];
  const head = `<p>Status ${status}, code <code>${code}</code>, type <code>urn:firstcome:problem:${code}</code>.</p>`;
  return page(title, `${head}<p>${prose(explanation)}</p>${membersOf(code)}${usersOf(code)}`);
}
