/** Routes of members and sessions. */
import { Problem } from '../../domain/errors';
import { id } from '../../domain/operations/fields';
import {
  createMember,
  createSession,
  deleteSession,
  getMember,
  listNotifications,
  refreshSession,
} from '../../domain/operations/members';
import { decodeCursor, encodeCursor } from '../../infra/http/canonical';
import { bind, type OperationRouter, operationRouter } from '../../infra/http/operation-router';
import { REVOKED_HEADER } from '../../infra/http/revocation-news';
import type { MembersService } from './service';

export function membersRouter(service: MembersService): OperationRouter {
  return operationRouter([
    bind(createMember, async ({ body }) => ({ status: 201, body: await service.signUp(body) })),
    bind(getMember, async ({ principal }) => ({ status: 200, body: await service.me(principal.memberId) })),
    bind(listNotifications, async ({ principal, query: { limit, cursor } }) => {
      const items = await service.notifications(principal.memberId, limit + 1, decodeCursor(cursor, id('ntf')));
      const shown = items.slice(0, limit);
      const last = items.length > limit ? shown.at(-1) : undefined;
      return { status: 200, body: { items: shown, nextCursor: last ? encodeCursor(last.notificationId) : null } };
    }),
    bind(createSession, async ({ body }) => ({ status: 201, body: await service.logIn(body) })),
    bind(refreshSession, async ({ body }) => {
      const answer = await service.refresh(body.refreshToken);
      if ('reusedIn' in answer) throw new Problem('refresh_reused', { headers: { [REVOKED_HEADER]: answer.reusedIn } });
      return { status: 200, body: answer };
    }),
    bind(deleteSession, async ({ principal }) => {
      await service.logOut(principal.sessionId);
      return { status: 204, headers: { [REVOKED_HEADER]: principal.sessionId } };
    }),
  ]);
}
