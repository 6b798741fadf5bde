/**
 * Search attributes and labels by which the Web UI finds and names sagas.
 * The dev server knows exactly three keyword lists, each value list up to about 60 ids (2,048 bytes).
 * They are for people: no decision of ours ever reads them back.
 */
import { defineSearchAttributeKey, SearchAttributeType, TypedSearchAttributes } from '@temporalio/common';
import type { RefundStart, SagaOrder } from '../../domain/saga';

/** What a server has to register before the first saga, name → type. */
export const SEARCH_ATTRIBUTES = {
  OrderIds: 'KeywordList',
  MemberIds: 'KeywordList',
  ProductIds: 'KeywordList',
  Phase: 'Keyword',
} as const;

const LIST_MAX = 60;

export const orderIdsKey = defineSearchAttributeKey('OrderIds', SearchAttributeType.KEYWORD_LIST);
export const memberIdsKey = defineSearchAttributeKey('MemberIds', SearchAttributeType.KEYWORD_LIST);
export const productIdsKey = defineSearchAttributeKey('ProductIds', SearchAttributeType.KEYWORD_LIST);
export const phaseKey = defineSearchAttributeKey('Phase', SearchAttributeType.KEYWORD);

const distinct = (ids: readonly string[]): string[] => [...new Set(ids)].slice(0, LIST_MAX);

export function searchAttributesOf(orders: readonly SagaOrder[]): TypedSearchAttributes {
  return new TypedSearchAttributes([
    { key: orderIdsKey, value: distinct(orders.map((each) => each.orderId)) },
    { key: memberIdsKey, value: distinct(orders.map((each) => each.memberId)) },
    { key: productIdsKey, value: distinct(orders.flatMap((each) => each.lines.map((line) => line.productId))) },
    { key: phaseKey, value: 'QUEUED' },
  ]);
}

/**
 * A refund is found as its checkout is. It has no Phase: nobody would move it on from REFUNDING once the money is back,
 * and whether it is done is the status of the workflow.
 */
export const searchAttributesOfRefund = ({ orderId, memberId }: RefundStart): TypedSearchAttributes =>
  new TypedSearchAttributes([
    { key: orderIdsKey, value: [orderId] },
    { key: memberIdsKey, value: [memberId] },
  ]);

const won = (amount: number): string => `${amount.toLocaleString('en-US')} won`;
const goods = (order: SagaOrder): string => order.lines.map((line) => `${line.quantity} × ${line.name}`).join(', ');
/** A summary may have 400 bytes, details 20,000; names of products may be long and not ASCII. */
const cut = (text: string, length: number): string => (text.length > length ? `${text.slice(0, length - 1)}…` : text);

/** One line for the list of workflows; begins with the order id when there is one order. */
export function summaryOf(orders: readonly SagaOrder[]): string {
  const [first] = orders;
  if (!first) return 'no orders';
  if (orders.length === 1) return cut(`${first.orderId} · ${won(first.amount)} · ${goods(first)}`, 120);
  const last = orders[orders.length - 1] ?? first;
  return `${first.orderId} and ${orders.length - 1} more · sequence ${first.sequence} to ${last.sequence}`;
}

export const summaryOfRefund = ({ orderId, paymentId, amount }: RefundStart): string =>
  `${orderId} · refund of ${won(amount)} in full · ${paymentId}`;

/** The members, one line each. */
export const detailsOf = (orders: readonly SagaOrder[]): string =>
  orders
    .map((each) => `- #${each.sequence} \`${each.orderId}\` ${won(each.amount)}: ${cut(goods(each), 80)}`)
    .join('\n');
