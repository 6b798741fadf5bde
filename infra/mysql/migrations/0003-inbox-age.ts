/** What the trim looks for, the oldest first: without an index it reads the whole inbox every minute (0.4 s at 800 k rows). */
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class InboxAge1764000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE inbox ADD KEY ix_inbox_age (at)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE inbox DROP KEY ix_inbox_age');
  }
}
