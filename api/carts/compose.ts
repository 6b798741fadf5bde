/** Puts the carts service together from what a process has opened. */
import type { DataSource } from 'typeorm';
import type { OperationRouter } from '../../infra/http/operation-router';
import { createCartsRepository } from '../../infra/mysql/repositories/carts';
import { createProductsRepository } from '../../infra/mysql/repositories/products';
import type { Gate } from '../../infra/redis/gate-types';
import { cartsRouter } from './routes';
import { createCartsService } from './service';

export interface CartsParts {
  readonly source: DataSource;
  readonly gate: Gate;
}

export const composeCarts = ({ source, gate }: CartsParts): OperationRouter =>
  cartsRouter(
    createCartsService({
      carts: createCartsRepository(source),
      products: createProductsRepository(source),
      gate,
    }),
  );
