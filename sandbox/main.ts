/** The payment provider's sandbox as a process. */
import { readConfig, requireSettings } from '../infra/process/config';
import { runProcess } from '../infra/process/lifecycle';
import { startSandbox } from './sandbox';

runProcess({
  name: 'sandbox',
  start: async ({ logger }) => {
    const config = requireSettings(
      readConfig(['HOST', 'PORT', 'LOG_LEVEL', 'SANDBOX_DIR', 'SANDBOX_WEBHOOK_URL', 'PROVIDER_SECRET_KEY']),
      ['SANDBOX_DIR', 'PROVIDER_SECRET_KEY'],
    );
    const sandbox = await startSandbox({
      dir: config.SANDBOX_DIR,
      host: config.HOST,
      port: config.PORT,
      secretKey: config.PROVIDER_SECRET_KEY,
      webhookUrl: config.SANDBOX_WEBHOOK_URL,
      onError: (error) => logger.error({ error }, 'request failed'),
      onLedgerFailure: (error) => {
        // Memory is ahead of the disk: nothing more may be answered. The next start replays what is durable.
        logger.fatal({ error }, 'the ledger cannot be written');
        process.exit(1);
      },
    });
    logger.info({ url: sandbox.url }, 'listening');
    return { stop: () => sandbox.stop() };
  },
});
