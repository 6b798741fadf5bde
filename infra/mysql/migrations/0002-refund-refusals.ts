/** How often the provider has refused a refund for good: each try after a refusal needs a key of its own there. */
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class RefundRefusals1764000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE refunds ADD COLUMN refusals INT NOT NULL DEFAULT 0 AFTER refused_code');
    // One was all there could be.
    await runner.query('UPDATE refunds SET refusals = 1 WHERE refused_code IS NOT NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE refunds DROP COLUMN refusals');
  }
}
