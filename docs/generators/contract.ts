/** Tables of the public contract, made from the domain: problems, operations, states, provider codes. */
import { PROBLEMS, type ProblemCode, problemMembers } from '../../domain/errors';
import { operations } from '../../domain/operations';
import type { OperationShape } from '../../domain/operations/operation';
import { canMoveOrder, ORDER_STATUSES } from '../../domain/order';
import { canMovePayment, PAYMENT_STATUSES } from '../../domain/payment';
import { DEFINITE_REFUSALS, FINAL_REFUND_REFUSALS } from '../../domain/provider-outcome';

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const code = (text: string): string => `\`${text}\``;
const codes = (names: readonly string[]): string => names.map(code).join(', ') || '–';

/** Problem codes by status: what each means, what to do, and the operations that name it as theirs. */
export function problemsTable(): string {
  const users = (name: string): readonly string[] =>
    operations
      .filter(({ problems = [] }) => problems.some((each) => each === name))
      .map(({ id }) => id)
      .sort();
  const rows = Object.entries(PROBLEMS).map(([name, [status, title, explanation]]) => [
    String(status),
    code(name),
    `**${title}.** ${explanation}`,
    codes(users(name)),
  ]);
  return table(['status', 'code', 'what it means, and what to do', 'named by'], rows);
}

/** The members that some problems have beyond those all have. */
export function problemMembersTable(): string {
  const rows = (Object.keys(PROBLEMS) as ProblemCode[]).flatMap((name) =>
    Object.entries(problemMembers(name)).map(([member, meaning]) => [code(name), code(member), meaning]),
  );
  return table(['code', 'member', 'meaning'], rows);
}

const answersOf = (operation: OperationShape): string => Object.keys(operation.answers).join(', ');

/** Every public operation: who may call it, what it answers, what it refuses beyond what all may. */
export function operationsTable(): string {
  const byPath = [...operations].sort((a, b) => a.path.localeCompare(b.path) || a.id.localeCompare(b.id));
  const rows = byPath.map((each) => [
    code(`${each.method.toUpperCase()} ${each.path}`),
    each.summary,
    each.access,
    answersOf(each) + (each.idempotent ? ' (key)' : ''),
    codes(each.problems ?? []),
  ]);
  return table(['operation', 'what it does', 'who', 'answers', 'refusals of its own'], rows);
}

const moves = <S extends string>(states: readonly S[], can: (from: S, to: S) => boolean): string => {
  const rows = states.map((from) => [code(from), codes(states.filter((to) => can(from, to)))]);
  return table(['state', 'may become'], rows);
};
export const orderMoves = (): string => moves(ORDER_STATUSES, canMoveOrder);
export const paymentMoves = (): string => moves(PAYMENT_STATUSES, canMovePayment);

const bullets = (names: readonly string[]): string => names.map((name) => `- ${code(name)}`).join('\n');
export const definiteRefusals = (): string => bullets(DEFINITE_REFUSALS);
export const finalRefundRefusals = (): string => bullets(FINAL_REFUND_REFUSALS);
