/**
 * Keeps the gate open and right: looks four times a second (and at each reconnect) whether it is open under the generation that
 * MariaDB has, rebuilds it when not, and compares it with MariaDB every few seconds.
 */
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { createGateRow } from '../../infra/mysql/repositories/gate';
import type { CheckDrift } from '../../infra/redis/drift';
import { removeGenerations } from '../../infra/redis/old-generations';
import type { OpenGate } from '../../infra/redis/open-gate';
import { rebuildGate } from '../../infra/redis/rebuild';
import type { GateMeasures } from './measures';

export interface KeeperDeps {
  readonly source: DataSource;
  readonly open: OpenGate;
  readonly checkDrift: CheckDrift;
  readonly driftEveryMs: number;
  readonly lookEveryMs?: number;
  readonly logger: Logger;
  readonly measures: GateMeasures;
}

const LOOK_EVERY_MS = 250;

export function startKeeper(deps: KeeperDeps) {
  const { source, open, checkDrift, driftEveryMs, lookEveryMs = LOOK_EVERY_MS, logger, measures } = deps;
  const row = createGateRow(source);
  let isOpen = false;
  let isComplained = false;
  let stopping = false;
  let wake: () => void = () => undefined;
  let driftAt = 0;

  const rebuild = async (): Promise<void> => {
    const startedAt = performance.now();
    const outcome = await rebuildGate(source, open);
    if (outcome.kind !== 'rebuilt') return logger.info({ outcome: outcome.kind }, 'gate not rebuilt by this worker');
    const seconds = (performance.now() - startedAt) / 1_000;
    measures.rebuilt(seconds);
    logger.warn({ generation: outcome.generation, seconds }, 'gate rebuilt and open');
    await removeGenerations(open, (generation) => generation < outcome.generation);
  };

  /** The generation under which the gate is open and acceptance would take its reservations; null: closed. */
  const openGeneration = async (): Promise<number | null> => {
    const ran = await open.run('readStock', () => ({ keys: [], args: [] }));
    return ran && ran.generation === (await row.generation()) ? ran.generation : null;
  };

  const compare = async (): Promise<void> => {
    const report = await checkDrift();
    if (!report) return;
    measures.compared(report);
    const { repaired, removedHolds, writtenProducts } = report;
    if (repaired.length > 0) logger.warn({ repaired }, 'gate repaired');
    if (removedHolds + writtenProducts > 0) logger.info({ removedHolds, writtenProducts }, 'gate tidied');
  };

  const look = async (): Promise<void> => {
    if ((await openGeneration()) === null) {
      isOpen = false;
      await rebuild();
    }
    const generation = await openGeneration();
    isOpen = generation !== null;
    measures.seen(generation);
    if (isOpen && Date.now() >= driftAt) {
      driftAt = Date.now() + driftEveryMs;
      await compare();
    }
  };

  const pause = (): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.min(lookEveryMs, driftEveryMs));
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  /** Once per outage, or the log is nothing else. */
  const complain = (error: unknown): void => {
    isOpen = false;
    measures.seen(null);
    if (!isComplained) logger.warn({ error }, 'gate: a store does not answer; trying on');
    isComplained = true;
  };

  const loop = async (): Promise<void> => {
    while (!stopping) {
      await look()
        .then(() => {
          isComplained = false;
        })
        .catch(complain);
      if (!stopping) await pause();
    }
  };

  const onReady = (): void => wake();
  open.redis.on('ready', onReady);
  const ended = loop();
  return {
    isOpen: () => isOpen,
    async stop(): Promise<void> {
      stopping = true;
      open.redis.off('ready', onReady);
      wake();
      await ended;
    },
  };
}
