/** The sandbox's addresses: Toss's four, and the sandbox's own. What is not valid is refused in Toss's words. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { Behaviour, DEFAULT_CARD, replaceBehaviour } from './behaviour';
import type { Book, LedgerLine } from './book';
import type { LedgerFile } from './ledger-file';
import { listLedger } from './listing';
import { approvedPage, declinedPage, PayRequest, payPage, returnUrl } from './pay-page';
import type { Outcome, Payments } from './payments';
import { tossError } from './toss';

export interface SandboxRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly authorization: string | undefined;
  readonly idempotencyKey: string | undefined;
  /** parsed by its content type; undefined when it is not readable */
  readonly body: unknown;
}
export type SandboxAnswer =
  | Outcome
  | { readonly kind: 'page'; readonly html: string }
  | { readonly kind: 'redirect'; readonly location: string };

export interface RouteDeps {
  readonly book: Book;
  readonly ledger: LedgerFile<LedgerLine>;
  readonly payments: Payments;
  readonly secretKey: string;
  readonly now: () => number;
}

const KEY_MAX = 300;
const orderId = z.string().regex(/^[A-Za-z0-9_-]{6,64}$/);
const won = z.number().int().min(1).max(1_000_000_000_000);
const card = z.string().regex(/^\d{12,19}$/);

const ConfirmBody = z.looseObject({ paymentKey: z.string().min(1).max(200), orderId, amount: won });
const CancelBody = z.looseObject({ cancelReason: z.string().min(1).max(200), cancelAmount: won.optional() });
const NewAuthorization = z.strictObject({
  orderId,
  amount: won,
  orderName: z.string().max(200).default(''),
  card: card.default(DEFAULT_CARD),
});

const json = (status: number, body: unknown): SandboxAnswer => ({ kind: 'answer', status, body });
const refuse = (code: string, detail?: string): SandboxAnswer => {
  const { status, message } = tossError(code);
  return json(status, { code, message: detail ?? message });
};
const invalid = (error: z.ZodError): SandboxAnswer => refuse('INVALID_REQUEST', z.prettifyError(error));

export function createRoutes({ book, ledger, payments, secretKey, now }: RouteDeps) {
  const expected = `Basic ${Buffer.from(`${secretKey}:`).toString('base64')}`;
  const apiKey = createHash('sha256').update(secretKey).digest('hex').slice(0, 12);

  const scopeOf = ({ method, path, idempotencyKey }: SandboxRequest): string | null =>
    idempotencyKey ? `${apiKey} ${method} ${path} ${idempotencyKey}` : null;

  async function toss(request: SandboxRequest): Promise<SandboxAnswer> {
    if (request.authorization !== expected) return refuse('UNAUTHORIZED_KEY');
    if ((request.idempotencyKey?.length ?? 0) > KEY_MAX) return refuse('INVALID_IDEMPOTENCY_KEY');
    const [first = '', second, ...rest] = request.path.split('/').slice(3).map(decodeSegment);
    if (rest.length > 0) return refuse('NOT_FOUND');
    if (request.method === 'GET') return look(first, second);
    if (request.method !== 'POST') return refuse('NOT_FOUND');
    if (first === 'confirm' && second === undefined) return confirm(request);
    return second === 'cancel' ? cancel(first, request) : refuse('NOT_FOUND');
  }

  function look(first: string, second: string | undefined): Promise<SandboxAnswer> | SandboxAnswer {
    if (second === undefined) return payments.lookUp(first);
    return first === 'orders' ? payments.lookUpByOrder(second) : refuse('NOT_FOUND');
  }

  function confirm(request: SandboxRequest): Promise<SandboxAnswer> | SandboxAnswer {
    const body = ConfirmBody.safeParse(request.body);
    return body.success ? payments.confirm(body.data, scopeOf(request)) : invalid(body.error);
  }

  function cancel(paymentKey: string, request: SandboxRequest): Promise<SandboxAnswer> | SandboxAnswer {
    const body = CancelBody.safeParse(request.body);
    return body.success ? payments.cancel(paymentKey, body.data, scopeOf(request)) : invalid(body.error);
  }

  async function authorize(request: SandboxRequest): Promise<SandboxAnswer> {
    const body = NewAuthorization.safeParse(request.body);
    return body.success ? json(201, await payments.authorize(body.data)) : invalid(body.error);
  }

  async function putBehaviour(request: SandboxRequest): Promise<SandboxAnswer> {
    const put = Behaviour.safeParse(request.body);
    if (!put.success) return invalid(put.error);
    const behaviour = replaceBehaviour(book.behaviour(), put.data);
    const line = { type: 'behaviour', at: now(), behaviour } as const;
    book.apply(line);
    await ledger.append(line);
    return json(200, behaviour);
  }

  async function showLedger(request: SandboxRequest): Promise<SandboxAnswer> {
    await ledger.settled();
    return json(200, listLedger(book, request.query.get('orderId') ?? undefined));
  }

  function showPay(request: SandboxRequest): SandboxAnswer {
    const asked = PayRequest.safeParse(Object.fromEntries(request.query));
    return asked.success ? { kind: 'page', html: payPage(asked.data) } : invalid(asked.error);
  }

  async function choose(request: SandboxRequest): Promise<SandboxAnswer> {
    const form = PayRequest.extend({ choice: z.enum(['approve', 'decline']) }).safeParse(request.body);
    if (!form.success) return invalid(form.error);
    const { choice, ...asked } = form.data;
    return choice === 'approve' ? approve(asked) : decline(asked);
  }

  async function approve(asked: PayRequest): Promise<SandboxAnswer> {
    const { orderId, amount, orderName, successUrl } = asked;
    const { paymentKey } = await payments.authorize({ orderId, amount, orderName, card: DEFAULT_CARD });
    if (!successUrl) return { kind: 'page', html: approvedPage(asked, paymentKey) };
    return { kind: 'redirect', location: returnUrl(successUrl, { paymentKey, orderId, amount }) };
  }

  function decline({ orderId, failUrl }: PayRequest): SandboxAnswer {
    if (!failUrl) return { kind: 'page', html: declinedPage() };
    const answer = { code: 'PAY_PROCESS_CANCELED', message: 'The buyer declined.', orderId };
    return { kind: 'redirect', location: returnUrl(failUrl, answer) };
  }

  const own: Readonly<Record<string, (request: SandboxRequest) => Promise<SandboxAnswer> | SandboxAnswer>> = {
    'POST /sandbox/authorizations': authorize,
    'GET /sandbox/behaviour': () => json(200, book.behaviour()),
    'PUT /sandbox/behaviour': putBehaviour,
    'GET /sandbox/ledger': showLedger,
    'GET /sandbox/pay': showPay,
    'POST /sandbox/pay': choose,
    'GET /livez': () => json(200, { status: 'ok' }),
    'GET /readyz': () => json(200, { status: 'ready' }),
  };

  return async (request: SandboxRequest): Promise<SandboxAnswer> => {
    if (request.path.startsWith('/v1/payments/')) return toss(request);
    const route = own[`${request.method} ${request.path}`];
    return route ? route(request) : refuse('NOT_FOUND');
  };
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
