/** The refund of one captured payment: one argument, and nothing to say to it meanwhile. */
export { REFUND_WORKFLOW, type RefundInput, type RefundResult } from '../../domain/saga';
