/** Member: sign up, log in, refresh, log out, notifications. */
import { z } from 'zod';
import { id, pageOf, pageQuery, timestamp } from './fields';
import { defineOperation } from './operation';

const credentials = z.strictObject({
  username: z.string().regex(/^[a-zA-Z0-9._-]{3,64}$/, 'must be 3–64 letters, digits, dot, underscore, hyphen'),
  password: z.string().min(1).max(200),
});

export const Member = z.object({
  memberId: id('mem'),
  username: z.string(),
  role: z.enum(['MEMBER', 'ADMIN']),
  createdAt: timestamp,
});
export const Tokens = z.object({
  accessToken: z.string(),
  tokenType: z.literal('Bearer'),
  expiresIn: z.number().int().describe('seconds'),
  refreshToken: z.string().describe('works once: each refresh gives a new one'),
  refreshExpiresIn: z.number().int().describe('seconds'),
});
export const Notification = z.object({
  notificationId: z.string(),
  kind: z.string(),
  orderId: id('ord'),
  text: z.string(),
  createdAt: timestamp,
});

export const createMember = defineOperation({
  id: 'createMember',
  summary: 'Sign up',
  service: 'members',
  method: 'post',
  path: '/v1/members',
  access: 'public',
  body: credentials,
  answers: { 201: { description: 'The member', schema: Member } },
  problems: ['username_taken', 'weak_password'],
});
export const getMember = defineOperation({
  id: 'getMember',
  summary: 'Who am I',
  service: 'members',
  method: 'get',
  path: '/v1/members/me',
  access: 'member',
  answers: { 200: { description: 'The member', schema: Member } },
  problems: ['not_found'],
});
export const listNotifications = defineOperation({
  id: 'listNotifications',
  summary: 'My notifications, newest first',
  service: 'members',
  method: 'get',
  path: '/v1/members/me/notifications',
  access: 'member',
  query: z.strictObject(pageQuery),
  answers: { 200: { description: 'A page of notifications', schema: pageOf(Notification) } },
  problems: ['invalid_cursor'],
});
export const createSession = defineOperation({
  id: 'createSession',
  summary: 'Log in',
  service: 'members',
  method: 'post',
  path: '/v1/sessions',
  access: 'public',
  isGuessable: true,
  body: credentials,
  answers: { 201: { description: 'Tokens', schema: Tokens } },
  problems: ['invalid_credentials'],
});
export const refreshSession = defineOperation({
  id: 'refreshSession',
  summary: 'Exchange a refresh token for new tokens',
  service: 'members',
  method: 'post',
  path: '/v1/sessions/refresh',
  access: 'public',
  body: z.strictObject({ refreshToken: z.string().min(1).max(500) }),
  answers: { 200: { description: 'Tokens', schema: Tokens } },
  problems: ['invalid_credentials', 'refresh_reused'],
});
export const deleteSession = defineOperation({
  id: 'deleteSession',
  summary: 'Log out: every gateway refuses the token at once',
  service: 'members',
  method: 'delete',
  path: '/v1/sessions/current',
  access: 'member',
  answers: { 204: { description: 'Logged out' } },
});
