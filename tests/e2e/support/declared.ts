/** Holds what the gateway answers against the document that clients are given, whatever a test asks for. */
import { operations } from '../../../domain/operations';
import { openApiDocument } from '../../../gateway/openapi';

interface Declared {
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: Readonly<Record<string, unknown>>;
}
interface Described {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { responses: Record<string, Declared> }>>>>;
  readonly components: {
    readonly headers: Readonly<Record<string, unknown>>;
    /** by problem code: what any request may meet */
    readonly responses: Readonly<Record<string, Declared>>;
  };
}
const { paths, components } = openApiDocument('http://shop.example') as unknown as Described;

const routes = operations.map(({ method, path }) => ({
  method: method.toUpperCase(),
  pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
  responses: paths[path]?.[method]?.responses ?? {},
}));
/** On every answer to an admitted request, and said so of those that are no refusals. */
const OF_ALL = ['RateLimit', 'RateLimit-Policy'];
const named = Object.keys(components.headers).filter((name) => !OF_ALL.includes(name));

export interface Told {
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

const codeOf = (body: unknown): string =>
  typeof body === 'object' && body !== null && 'code' in body ? String(body.code) : '';

function faultOf({ headers }: Told, { headers: declared = {}, content = {} }: Declared): string | undefined {
  const undeclared = named.filter((name) => headers.has(name) && !(name in declared));
  if (undeclared.length > 0) return `with ${undeclared.join(', ')}`;
  const type = headers.get('content-type')?.split(';')[0];
  return type === undefined || type in content ? undefined : `as ${type}`;
}

/** @throws Error when the gateway answers an operation with a status, header or media type that its document does not have */
export function expectDeclared(told: Told): void {
  // Only the gateway counts requests: what the sandbox answers, or a service past the gateway, is not in its document.
  if (!told.headers.has('ratelimit-policy')) return;
  const { pathname } = new URL(told.url);
  const route = routes.find(({ method, pattern }) => method === told.method && pattern.test(pathname));
  if (!route) return;
  const declared = components.responses[codeOf(told.body)] ?? route.responses[told.status];
  const fault = declared ? faultOf(told, declared) : 'at all';
  if (fault) throw new Error(`${told.method} ${pathname} answered ${told.status}, not declared ${fault}`);
}
