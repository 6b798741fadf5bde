/** Puts the members service together from what a process has opened. */
import type { Redis } from 'ioredis';
import type { DataSource } from 'typeorm';
import { createAccessTokenSigner } from '../../infra/http/access-token';
import type { OperationRouter } from '../../infra/http/operation-router';
import { createRevocationSender } from '../../infra/http/revocation-news';
import { createMembersRepository } from '../../infra/mysql/repositories/members';
import type { Config } from '../../infra/process/config';
import type { Logger } from '../../infra/process/logger';
import { createPasswords } from './passwords';
import { membersRouter } from './routes';
import { createMembersService } from './service';

export const MEMBERS_SETTINGS = ['SHOP', 'TOKEN_PRIVATE_KEY', 'ACCESS_TOKEN_S', 'REFRESH_TOKEN_S'] as const;

export interface MembersParts {
  readonly source: DataSource;
  readonly redis: Redis;
  readonly config: Pick<Config, (typeof MEMBERS_SETTINGS)[number]> & { readonly TOKEN_PRIVATE_KEY: string };
  readonly logger: Logger;
}

export function composeMembers({ source, redis, config, logger }: MembersParts): OperationRouter {
  const service = createMembersService({
    members: createMembersRepository(source),
    passwords: createPasswords(),
    tokens: createAccessTokenSigner(config.TOKEN_PRIVATE_KEY, config.ACCESS_TOKEN_S),
    refreshLifeS: config.REFRESH_TOKEN_S,
    tellRevoked: createRevocationSender(redis, config.SHOP, (error) =>
      logger.warn({ error }, 'revocation not told by Redis; gateways read it from MariaDB'),
    ),
  });
  return membersRouter(service);
}
