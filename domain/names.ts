/**
 * Every wire name that more than one layer speaks, built in one place:
 * workflow ids, update ids, task names, topics, consumer groups, headers.
 */

/** The five services behind the gateway. */
export const SERVICE_NAMES = ['members', 'carts', 'products', 'orders', 'payments'] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

/** A workflow that carries one order. */
export const checkoutWorkflowId = (orderId: string): string => `checkout-${orderId}`;

/** A workflow that carries several: first sequence, how many, and a random end (claims are never repeated). */
export const checkoutGroupId = (firstSequence: number, count: number, random: string): string =>
  `checkouts-${firstSequence}-${count}-${random}`;

/** The workflow that takes an order over when its owner is gone; epoch counts take-overs. */
export const resumedWorkflowId = (orderId: string, epoch: number): string => `checkout-${orderId}-r${epoch}`;

export const refundWorkflowId = (paymentId: string): string => `refund-${paymentId}`;
/**
 * The provider's idempotency key of a refund. A key that was refused for good answers with that refusal for days, whatever has
 * been settled since; so the try after it has another. Money cannot go twice: nothing went under a refused key, and the whole
 * amount can be given back only once.
 * @param refusals how often the provider has refused this refund for good
 */
export const refundKey = (paymentId: string, refusals: number): string =>
  refusals === 0 ? refundWorkflowId(paymentId) : `${refundWorkflowId(paymentId)}-${refusals + 1}`;

/** Update ids carry the order id, so that the Web UI says whose update it is. */
export const confirmUpdateId = (orderId: string, paymentKey: string): string => `confirm-${orderId}-${paymentKey}`;
export const cancelUpdateId = (orderId: string, key: string): string => `cancel-${orderId}-${key}`;

export const SWEEP_SCHEDULE_ID = 'sweep-orders';

export const TOPICS = ['orders', 'payments'] as const;
export type TopicName = (typeof TOPICS)[number];
export const topicName = (prefix: string, topic: TopicName): string => `${prefix}${topic}`;
export const deadLetterTopic = (prefix: string, group: ConsumerGroup): string => `${prefix}${group}.dead-letters`;

export const CONSUMER_GROUPS = ['notifications', 'sales'] as const;
export type ConsumerGroup = (typeof CONSUMER_GROUPS)[number];

/** The signed internal principal; the gateway removes it, and every X-Firstcome-*, from outside requests. */
export const PRINCIPAL_HEADER = 'x-firstcome-principal';
export const REQUEST_ID_HEADER = 'request-id';
