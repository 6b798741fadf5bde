/**
 * One registry of problem codes. What a client sees of a failure is decided here and nowhere else:
 * code, HTTP status, title. `docs/errors.md` is checked against this table.
 */
export const PROBLEMS = {
  malformed_request: [400, 'The request is malformed'],
  invalid_cursor: [400, 'The cursor is not one of ours'],
  idempotency_key_missing: [400, 'This operation needs an Idempotency-Key'],
  unauthorized: [401, 'A valid access token is needed'],
  invalid_credentials: [401, 'Username or password is wrong'],
  refresh_reused: [401, 'The refresh token was used before; its family is revoked'],
  payment_declined: [402, 'The payment was declined'],
  forbidden: [403, 'Not allowed'],
  not_found: [404, 'Not found'],
  method_not_allowed: [405, 'Method not allowed'],
  username_taken: [409, 'The username is taken'],
  sold_out: [409, 'Sold out'],
  limit_reached: [409, 'The limit per member is reached'],
  sale_not_open: [409, 'The sale is not open yet'],
  sale_closed: [409, 'The sale is over'],
  price_changed: [409, 'The price has changed'],
  cart_empty: [409, 'The cart is empty'],
  payment_in_progress: [409, 'A payment is in progress'],
  order_not_cancellable: [409, 'The order can no longer be cancelled'],
  order_not_payable: [409, 'The order cannot be paid'],
  order_not_refundable: [409, 'The order cannot be refunded'],
  request_in_progress: [409, 'The same request is being worked on'],
  precondition_failed: [412, 'The resource has changed'],
  body_too_large: [413, 'The body is too large'],
  unsupported_media_type: [415, 'The media type is not supported'],
  invalid_request: [422, 'The request is well-formed but not acceptable'],
  weak_password: [422, 'The password is too weak'],
  unknown_product: [422, 'A product does not exist'],
  amount_mismatch: [422, 'The amount is not that of the order'],
  idempotency_key_reused: [422, 'The Idempotency-Key was used with another body'],
  precondition_required: [428, 'An If-Match header is needed'],
  rate_limited: [429, 'Too many requests'],
  internal: [500, 'Something went wrong on our side'],
  bad_gateway: [502, 'The service did not answer properly'],
  gate_rebuilding: [503, 'The sale pauses for a moment'],
  backlog_full: [503, 'Too many orders are waiting'],
  unavailable: [503, 'Not available at the moment'],
} as const satisfies Record<string, readonly [number, string]>;

export type ProblemCode = keyof typeof PROBLEMS;

/** One faulty field: RFC 6901 pointer into the body (with `#`), a code, a sentence. */
export interface FieldFault {
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
}

export interface ProblemExtra {
  readonly detail?: string;
  readonly errors?: readonly FieldFault[];
  /** seconds; becomes the Retry-After header */
  readonly retryAfterS?: number;
  /** further members of the problem document, such as `final` or `attemptsLeft` */
  readonly members?: Readonly<Record<string, unknown>>;
  /** further headers, such as Allow */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A refusal meant for the client. Anything else that is thrown is hidden behind `internal` and logged. */
export class Problem extends Error {
  override readonly name = 'Problem';
  constructor(
    readonly code: ProblemCode,
    readonly extra: ProblemExtra = {},
    options?: ErrorOptions,
  ) {
    super(extra.detail ?? PROBLEMS[code][1], options);
  }
  get status(): number {
    return PROBLEMS[this.code][0];
  }
}
