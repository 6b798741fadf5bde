/** What the trim looks for, the oldest first: without an index it reads every session and token there is, every minute. */
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class SessionEnds1764000000004 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE sessions ADD KEY ix_sessions_end (expires_at)');
    await runner.query('ALTER TABLE refresh_tokens ADD KEY ix_refresh_tokens_end (expires_at)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE refresh_tokens DROP KEY ix_refresh_tokens_end');
    await runner.query('ALTER TABLE sessions DROP KEY ix_sessions_end');
  }
}
