/** The sandbox's ledger: what was answered survives a kill, and a torn file is told from a damaged one. */
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { removeDir, sandboxClient, spawnSandbox, startTestSandbox, tempDir } from '../support/sandbox';
import { until } from '../support/until';

const AMOUNT = 12_000;

test('When the process is killed under load, then everything it answered is there after the restart', async () => {
  const own = await tempDir();
  const first = await spawnSandbox(own);
  const talk = sandboxClient(first.url);
  await talk.behave({ webhooks: 'none', delayMs: 1 });
  const answered: string[] = [];
  let asked = 0;
  const buyer = async (): Promise<void> => {
    for (;;) {
      const orderId = `kill-${String(++asked).padStart(6, '0')}`;
      const paymentKey = await talk.authorize({ orderId, amount: AMOUNT });
      const body = { paymentKey, orderId, amount: AMOUNT };
      const answer = await talk.call('POST', '/v1/payments/confirm', { body, idempotencyKey: orderId });
      if (answer.body.status === 'DONE') answered.push(orderId);
    }
  };
  const buyers = Array.from({ length: 20 }, () => buyer().catch(() => 'killed'));
  await until(() => answered.length > 200, { within: 20_000, what: '200 answered confirms' });
  await first.kill();
  expect(await Promise.all(buyers)).toEqual(buyers.map(() => 'killed'));

  const second = await spawnSandbox(own);
  try {
    const again = sandboxClient(second.url);
    const ledger = await again.ledger();
    const captured = new Map(ledger.captures.map((capture) => [capture.orderId, capture]));
    expect(answered.filter((orderId) => !captured.has(orderId))).toEqual([]);
    // The bound answer survived as well: the repeat is answered, not charged.
    const [orderId = ''] = answered;
    const { paymentKey } = captured.get(orderId) ?? { paymentKey: '' };
    const body = { paymentKey, orderId, amount: AMOUNT };
    const repeat = await again.call('POST', '/v1/payments/confirm', { body, idempotencyKey: orderId });
    expect(repeat.body.status).toBe('DONE');
    expect((await again.ledger()).totals.captures).toBe(ledger.totals.captures);
  } finally {
    await second.kill();
    await removeDir(own);
  }
});

test('When the last line was torn by a crash, then it is cut off; a damaged line elsewhere stops the start', async () => {
  const own = await tempDir();
  const file = join(own, 'ledger.jsonl');
  const first = await startTestSandbox({ dir: own });
  await sandboxClient(first.url).authorize({ orderId: 'torn-order', amount: AMOUNT });
  await first.stop();
  const whole = await readFile(file, 'utf8');
  await appendFile(file, '{"type":"captured","at":1');
  const second = await startTestSandbox({ dir: own });
  await second.stop();
  expect(await readFile(file, 'utf8')).toBe(whole);
  await writeFile(file, `{"type":"authori\n${whole}`);
  await expect(startTestSandbox({ dir: own })).rejects.toThrow('damaged at line 1');
  await removeDir(own);
});
