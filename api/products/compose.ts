/** Puts the products service together from what a process has opened. */
import type { DataSource } from 'typeorm';
import type { OperationRouter } from '../../infra/http/operation-router';
import { createProductsRepository } from '../../infra/mysql/repositories/products';
import type { Logger } from '../../infra/process/logger';
import type { Gate } from '../../infra/redis/gate-types';
import { productsRouter } from './routes';
import { createProductsService } from './service';

export interface ProductsParts {
  readonly source: DataSource;
  readonly gate: Gate;
  readonly logger: Logger;
}

export function composeProducts({ source, gate, logger }: ProductsParts): OperationRouter {
  const service = createProductsService({
    source,
    gate,
    products: createProductsRepository(source),
    onGateLate: (error, productId) => logger.warn({ error, productId }, 'the gate follows later'),
  });
  return productsRouter(service);
}
