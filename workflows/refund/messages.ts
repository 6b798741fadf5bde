/** The refund of one captured payment: workflow `refund-<paymentId>`, one argument, nothing to say to it meanwhile. */
export const REFUND_WORKFLOW = 'refund';

export interface RefundInput {
  readonly paymentId: string;
}

export interface RefundResult {
  readonly paymentId: string;
  /** `nothing`: there is no such refund, or it was done before */
  readonly kind: 'refunded' | 'nothing';
}
