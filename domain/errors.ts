/** status, title, what happened and what the client can do, and the meaning of each further member */
type ProblemEntry = readonly [
  status: number,
  title: string,
  explanation: string,
  members?: Readonly<Record<string, string>>,
];

/**
 * One registry of problem codes. What a client sees of a failure is decided here and nowhere else:
 * code, HTTP status, title, what it means and what to do, and the members its document has beyond those all have.
 * `docs/errors.md`, `/problems/<code>` and the OpenAPI document are made from this table.
 */
export const PROBLEMS = {
  malformed_request: [
    400,
    'The request is malformed',
    'It is not HTTP, not JSON, or a field is missing, unknown or of the wrong type. Mend what `detail` or `errors` names; the same request will be refused again.',
  ],
  invalid_cursor: [
    400,
    'The cursor is not one of ours',
    'A cursor is the `nextCursor` of the page before, of the same list. Begin again without one.',
  ],
  idempotency_key_missing: [
    400,
    'This operation needs an Idempotency-Key',
    'Nothing was done. Send a new random key with each thing you want done, and the same key when you repeat it.',
  ],
  unauthorized: [
    401,
    'A valid access token is needed',
    'There is no token, or it has expired, was revoked or is not one of ours; for an event stream, the ticket has. Refresh the session or log in again.',
  ],
  invalid_credentials: [
    401,
    'Username or password is wrong',
    'The answer is the same when there is no such member. A refresh token that is unknown, expired or revoked is answered so, too: log in again.',
  ],
  refresh_reused: [
    401,
    'The refresh token was used before; its family is revoked',
    'A refresh token works once. It came a second time, so somebody may have stolen it: every token of that log-in is void. Log in again.',
  ],
  payment_declined: [
    402,
    'The payment was declined',
    'The provider refused the payment, and the buyer is not charged: money that was taken all the same is given back. While attempts are left, the buyer may pay in another way: confirm the new `paymentKey` under a new Idempotency-Key.',
    {
      attemptsLeft: 'how often this order may still be tried; at 0 it has ended',
      providerCode: "the provider's own code of the refusal",
    },
  ],
  forbidden: [403, 'Not allowed', 'The token is valid, but this operation is for admins. Repeating it will not help.'],
  not_found: [
    404,
    'Not found',
    'There is nothing at this path, or it is not yours: what belongs to another member looks as if it were not there.',
  ],
  method_not_allowed: [
    405,
    'Method not allowed',
    'The path is right, the method is not. The header Allow names those there are.',
  ],
  request_timeout: [
    408,
    'The request took too long to arrive',
    'The request was not complete in time, so nothing was done and the connection is closed. Send it again on a new one.',
  ],
  username_taken: [409, 'The username is taken', 'Somebody has signed up with it. Choose another one.'],
  sold_out: [
    409,
    'Sold out',
    'Fewer units are left than were asked for, and none were held. Unless `final` is true, units that others hold may come back: ask for fewer or try again later.',
    {
      productId: 'the product that has too few units',
      final: 'true only when every unit is sold; false while units are held by others and may come back',
    },
  ],
  limit_reached: [
    409,
    'The limit per member is reached',
    "With these units you would have more of the product than one member may. Orders that are open or paid count; ask for fewer, within the product's `limitPerMember`.",
    { productId: 'the product whose limit is reached' },
  ],
  sale_not_open: [
    409,
    'The sale is not open yet',
    'Nothing was held. Come back at `opensAt`.',
    { productId: 'the product whose sale is not open', opensAt: 'when it opens: UTC, ISO 8601' },
  ],
  sale_closed: [
    409,
    'The sale is over',
    'The product could be bought until its `closesAt`. Repeating will not help.',
    { productId: 'the product whose sale is over' },
  ],
  price_changed: [
    409,
    'The price has changed',
    'The total is not the `expectedAmount` that was sent, and nothing was held. Show the buyer the new amount, then send that one.',
    { amount: 'the total that would hold now, in won' },
  ],
  cart_empty: [409, 'The cart is empty', 'There is nothing in the cart to check out. Put products in it first.'],
  payment_in_progress: [
    409,
    'A payment is in progress',
    'The provider is being asked about a payment of this order, so it can neither be cancelled nor paid a second time. Follow the order, and decide when that payment is known.',
  ],
  order_not_cancellable: [
    409,
    'The order can no longer be cancelled',
    'It is paid or has ended. A confirmed order can be refunded.',
  ],
  order_not_payable: [
    409,
    'The order cannot be paid',
    'It is not waiting for a payment: it still queues, is paid already, or has ended. Nothing was charged; read the order for its status.',
  ],
  order_not_refundable: [
    409,
    'The order cannot be refunded',
    'Only a confirmed order can be refunded, and only once. Read the order for its status.',
  ],
  request_in_progress: [
    409,
    'The same request is being worked on',
    'The first request with this Idempotency-Key is not answered yet. Repeat it under the same key after Retry-After seconds.',
  ],
  precondition_failed: [
    412,
    'The resource has changed',
    'Somebody changed it after it was read: the ETag in If-Match is an old one. Read it again, decide again, and send the new ETag.',
  ],
  body_too_large: [413, 'The body is too large', 'A body may have 64 KiB. Repeating will not help.'],
  unsupported_media_type: [
    415,
    'The media type is not supported',
    'Send JSON in UTF-8, and say so in Content-Type. The header Accept-Post, Accept-Patch or Accept names the media types that are taken, Accept-Encoding the codings.',
  ],
  expectation_failed: [
    417,
    'The expectation cannot be met',
    'The header Expect knows one value here, `100-continue`. Send the request again without it.',
  ],
  invalid_request: [
    422,
    'The request is well-formed but not acceptable',
    'The fields are there and of the right type, but a value is out of its range or they do not fit together. `errors` names each.',
  ],
  weak_password: [422, 'The password is too weak', 'Nobody was signed up. `errors` says what the password lacks.'],
  unknown_product: [
    422,
    'A product does not exist',
    'Nothing was held. `errors` points at the product that does not exist.',
  ],
  amount_mismatch: [
    422,
    'The amount is not that of the order',
    'Nothing was charged. Confirm with the `amount` that the order has.',
  ],
  idempotency_key_reused: [
    422,
    'The Idempotency-Key was used with another body',
    'A key stands for one request. Take a new key for a new request; to repeat the old one, send its body as it was.',
  ],
  precondition_required: [
    428,
    'An If-Match header is needed',
    'Without it you could undo what somebody else has just changed. Read the resource and send its ETag in If-Match.',
  ],
  rate_limited: [
    429,
    'Too many requests',
    'This minute is used up: the header RateLimit-Policy says how many requests one has; of wrong passwords there are fewer. Or this client has as many event streams and waiting answers open as one may have. Repeat after Retry-After seconds.',
  ],
  headers_too_large: [
    431,
    'The headers or the URL are too large',
    'The request line and all headers together may have 16 KiB. Repeating will not help.',
  ],
  internal: [
    500,
    'Something went wrong on our side',
    'It is logged under the `requestId`: quote it when you ask. What was asked for may have been done or not, so repeat it under the same Idempotency-Key, or look first.',
  ],
  bad_gateway: [
    502,
    'The service did not answer properly',
    'The connection to the service broke, so what was asked for may have been done or not. Repeat it under the same Idempotency-Key, or look first.',
  ],
  gate_rebuilding: [
    503,
    'The sale pauses for a moment',
    'The counter of free units is being rebuilt from the orders. Repeat under the same Idempotency-Key after Retry-After seconds.',
  ],
  backlog_full: [
    503,
    'Too many orders are waiting',
    'No order is taken until those in line have moved on, and nothing was held. Repeat under the same Idempotency-Key after Retry-After seconds.',
  ],
  unavailable: [
    503,
    'Not available at the moment',
    'Something behind this operation cannot be reached. Repeat it, under the same Idempotency-Key where it takes one, after Retry-After seconds. It may have been done, or still happen: the same key finds that out; where there is none, look first.',
  ],
} as const satisfies Record<string, ProblemEntry>;

export type ProblemCode = keyof typeof PROBLEMS;

/** The members of this problem's document beyond those all have, each with its meaning. */
export const problemMembers = (code: ProblemCode): Readonly<Record<string, string>> => {
  const [, , , members = {}]: ProblemEntry = PROBLEMS[code];
  return members;
};

/** True for refusals that come with Retry-After: the same request, later, may well be taken. */
export const isForLater = (code: ProblemCode): boolean =>
  PROBLEMS[code][0] === 429 || PROBLEMS[code][0] === 503 || code === 'request_in_progress';

/** One faulty field: RFC 6901 pointer into the body (with `#`), a code, a sentence. */
export interface FieldFault {
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
}

export interface ProblemExtra {
  readonly detail?: string;
  readonly errors?: readonly FieldFault[];
  /** seconds; becomes the Retry-After header, which only refusals that are `isForLater` have */
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
