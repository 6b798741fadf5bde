/**
 * The adapter to the payment provider (Toss Payments' HTTP API). The sandbox speaks the same wire format,
 * so the real provider differs by base URL and secret key only.
 */
import { Pool } from 'undici';
import type { ConfirmRequest, Provider, RefundRequest } from '../../domain/provider';
import { type ProviderReply, readConfirm, readLookUp, readRefund } from '../../domain/provider-outcome';

export interface ProviderConfig {
  /** such as https://api.tosspayments.com */
  readonly baseUrl: string;
  /** sent as the user name of Basic auth, with an empty password */
  readonly secretKey: string;
  /** a call without a whole answer for this long is `unknown`; counts waiting for a connection too */
  readonly timeoutMs: number;
}

export interface ProviderClient extends Provider {
  /** Waits for calls in flight, then releases the connections. */
  close(): Promise<void>;
}

interface Call {
  readonly method: 'GET' | 'POST';
  /** its parts, not yet escaped */
  readonly path: readonly string[];
  readonly body?: Readonly<Record<string, unknown>>;
  readonly idempotencyKey?: string;
}

/** A slow provider holds one connection per call in flight: as many as sagas that may wait at once. */
const CONNECTIONS = 256;
const REASON_MAX = 200;

export function createProvider(config: ProviderConfig): ProviderClient {
  const base = new URL(config.baseUrl);
  const prefix = base.pathname.replace(/\/+$/, '');
  const pool = new Pool(base.origin, { connections: CONNECTIONS, pipelining: 1 });
  const authorization = `Basic ${Buffer.from(`${config.secretKey}:`).toString('base64')}`;

  async function exchange(call: Call): Promise<ProviderReply> {
    try {
      const { statusCode, body } = await pool.request({
        method: call.method,
        // Text that cannot be escaped (half a character) throws here, and is no answer like any other.
        path: `${prefix}/v1/payments/${call.path.map(encodeURIComponent).join('/')}`,
        headers: {
          authorization,
          ...(call.body ? { 'content-type': 'application/json' } : {}),
          ...(call.idempotencyKey ? { 'idempotency-key': call.idempotencyKey } : {}),
        },
        body: call.body ? JSON.stringify(call.body) : null,
        signal: AbortSignal.timeout(config.timeoutMs),
      });
      return { kind: 'reply', status: statusCode, body: parseBody(await body.text()) };
    } catch (error) {
      return { kind: 'silence', why: silenceOf(error) };
    }
  }

  return {
    confirm: async ({ paymentKey, orderId, amount, idempotencyKey }: ConfirmRequest) =>
      readConfirm(
        await exchange({
          method: 'POST',
          path: ['confirm'],
          body: { paymentKey, orderId, amount },
          idempotencyKey,
        }),
      ),
    lookUp: async ({ paymentKey }) => readLookUp(await exchange({ method: 'GET', path: [paymentKey] })),
    lookUpByOrder: async ({ orderId }) => readLookUp(await exchange({ method: 'GET', path: ['orders', orderId] })),
    refund: async ({ paymentKey, amount, reason, idempotencyKey }: RefundRequest) =>
      readRefund(
        await exchange({
          method: 'POST',
          path: [paymentKey, 'cancel'],
          body: { cancelReason: reason.slice(0, REASON_MAX), cancelAmount: amount },
          idempotencyKey,
        }),
        { paymentKey, amount },
      ),
    close: () => pool.close(),
  };
}

/** A body that is not JSON (a proxy's error page) is no body: the status alone then decides. */
function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** A short, stable word for histories: timeouts and error codes, never an address. */
function silenceOf(error: unknown): string {
  const { name, code } = (typeof error === 'object' && error ? error : {}) as { name?: unknown; code?: unknown };
  if (name === 'TimeoutError' || name === 'AbortError') return 'timeout';
  return typeof code === 'string' ? code : 'failed';
}
