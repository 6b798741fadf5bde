/** The first admin, written into MariaDB: whoever may make admins over the API would have to be one. */
import type { MysqlConfig } from '../infra/mysql/data-source';
import type { Login } from './launcher/credentials';

/** Loads the ORM when it is called: a launcher whose shop is seeded already does without. Idempotent by user name. */
export async function createFirstAdmin(mysql: MysqlConfig, admin: Login): Promise<void> {
  const { createDataSource } = await import('../infra/mysql/data-source.js');
  const { createAdmin } = await import('../infra/mysql/repositories/members.js');
  const source = await createDataSource(mysql).initialize();
  await createAdmin(source, admin).finally(() => source.destroy());
}
