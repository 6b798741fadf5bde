/** Every answer of every script of the gate, one at a time on a real Redis: what it says, and all that it changes. */
import { codedAnswers, createBench, namedAnswers, only, type Shop, within, wrote } from './support/gate-answers';
import { createCalls, HOLD, RECORD, TOKEN } from './support/gate-calls';

const bench = createBench();
afterAll(() => bench.close());

const SHOE = { productId: 'shoe', quantity: 2 };
const ONE_SHOE = { lines: [{ ...SHOE, quantity: 1 }] };
const HAT = { productId: 'hat', quantity: 1 };
const GHOST = { productId: 'ghost', quantity: 1 };

let shop: Shop;
let calls: Shop['calls'];
/** Five shoes at 1,000, two per member, and five hats at 300. */
beforeEach(async () => {
  shop = await bench.shop();
  calls = shop.calls;
  await shop.arrange(
    calls.putProduct(),
    calls.applyAdjustment({ n: 1, delta: 5 }),
    calls.putProduct({ id: 'hat', price: 300, limit: '' }),
    calls.applyAdjustment({ id: 'hat', n: 1, delta: 5 }),
  );
});
/** Redis' clock is this machine's: within 5 s. */
const near = (ms: number) => expect.closeTo(ms, -4);
const hourAgo = Date.now() - 3_600_000;
const inAnHour = Date.now() + 3_600_000;

const scripts = createCalls('any').behindGate.map(({ name }) => name);
test.each(scripts)('When there is no gate key, or another, then %s says which, and writes nothing', async (script) => {
  await shop.arrange(calls.reserveStock());
  const call = calls.behindGate.find(({ name }) => name === script);
  if (!call) throw new Error(script);
  await bench.redis.set(shop.gate, '2:run');
  expect(await shop.ask(call)).toEqual(only('gateClosed', '2:run'));
  await bench.redis.del(shop.gate);
  expect(await shop.ask(call)).toEqual(only('gateClosed', ''));
});

describe('reserveStock', () => {
  test('When units are there, then reserved: all lines are taken, counted, held and numbered, and the key is bound', async () => {
    const lines = [SHOE, HAT];
    expect(await shop.ask(calls.reserveStock({ lines, amount: '2300' }))).toEqual(
      wrote(['reserved', '1', 'a shoe', '1000', '2', 'a hat', '300', ''], {
        ...within('product:shoe', { available: 3, changes: 3 }),
        'units:shoe ada': 2,
        'buyers:shoe ada': 'in',
        ...within('product:hat', { available: 4, changes: 3 }),
        'buyers:hat ada': 'in',
        'holds ord_1': '["ada","k1",[["shoe",2],["hat",1]]]',
        'fresh ord_1': near(Date.now()),
        'key:ada:k1': RECORD,
        'key:ada:k1 until': near(Date.now() + 60_000),
        sequence: 1,
      }),
    );
  });

  test('When the key was used, then replayed with its first order, whatever is asked for now', async () => {
    await shop.arrange(calls.reserveStock());
    const again = calls.reserveStock({ orderId: 'ord_2', lines: [HAT] });
    expect(await shop.ask(again)).toEqual(only('replayed', RECORD));
  });

  test('When one line cannot be had, then its number, and nothing of the line before it is taken', async () => {
    const ask = (...lines: { productId: string; quantity: number }[]) => shop.ask(calls.reserveStock({ lines }));
    expect(await ask(HAT, GHOST)).toEqual(only('unknownProduct', '2'));
    expect(await ask(HAT, { ...SHOE, quantity: 3 })).toEqual(only('limitReached', '2'));
    expect(await ask(SHOE, { ...HAT, quantity: 6 })).toEqual(only('soldOut', '2'));
  });

  test('When a sale is not open, or over, then its line, and when it opens', async () => {
    const lines = [HAT, SHOE];
    await shop.arrange(calls.putProduct({ opensAt: String(inAnHour) }));
    expect(await shop.ask(calls.reserveStock({ lines }))).toEqual(only('notOpen', '2', String(inAnHour)));
    await shop.arrange(calls.putProduct({ closesAt: String(hourAgo) }));
    expect(await shop.ask(calls.reserveStock({ lines }))).toEqual(only('closed', '2'));
  });

  test('When the price is another, then priceChanged with the amount of now', async () => {
    const asked = calls.reserveStock({ lines: [SHOE, HAT], amount: '2299' });
    expect(await shop.ask(asked)).toEqual(only('priceChanged', '2300'));
  });
});

describe('adoptHold', () => {
  test('When the hold is there, then adopted: it is no longer fresh, and nothing else', async () => {
    await shop.arrange(calls.reserveStock());
    expect(await shop.ask(calls.adoptHold())).toEqual(wrote(['adopted'], { 'fresh ord_1': null }));
  });

  test('When the hold was lost, then retaken, below zero too; a product the gate does not know is left out', async () => {
    const lines = [{ ...SHOE, quantity: 6 }, GHOST];
    expect(await shop.ask(calls.adoptHold({ lines }))).toEqual(
      wrote(['retaken'], {
        ...within('product:shoe', { available: -1, changes: 3 }),
        'units:shoe ada': 6,
        'buyers:shoe ada': 'in',
        'holds ord_1': '["ada","k1",[["shoe",6],["ghost",1]]]',
      }),
    );
  });
});

describe('syncHold', () => {
  const gone = { 'holds ord_1': null, 'fresh ord_1': null, 'product:shoe changes': 4 };
  const back = { ...gone, 'product:shoe available': 5, 'product:shoe rises': 2, 'units:shoe ada': null };

  test('When there is no such hold, or not the one that was asked about, then none', async () => {
    expect(await shop.ask(calls.syncHold())).toEqual(only('none'));
    await shop.arrange(calls.reserveStock());
    expect(await shop.ask(calls.syncHold({ hold: 'another' }))).toEqual(only('none'));
  });

  test('When an order has no row and is young, or was seen with one, then kept', async () => {
    await shop.arrange(calls.reserveStock());
    const unknown = { word: 'unknown', abandonedMs: 10_000 };
    expect(await shop.ask(calls.syncHold(unknown))).toEqual(only('kept'));
    await shop.arrange(calls.adoptHold());
    expect(await shop.ask(calls.syncHold({ ...unknown, abandonedMs: 0 }))).toEqual(only('kept'));
  });

  test('When the order is sold, then removed: nothing is given back', async () => {
    await shop.arrange(calls.reserveStock());
    expect(await shop.ask(calls.syncHold({ word: 'sold' }))).toEqual(wrote(['removed'], gone));
  });

  test('When the order ended, then removed: units and limit are given back, and the key stays bound', async () => {
    await shop.arrange(calls.reserveStock());
    expect(await shop.ask(calls.syncHold())).toEqual(wrote(['removed'], back));
  });

  test('When the order never had a row and is old, then removed: the key is free too', async () => {
    await shop.arrange(calls.reserveStock());
    expect(await shop.ask(calls.syncHold({ word: 'unknown' }))).toEqual(
      wrote(['removed'], { ...back, 'key:ada:k1': null, 'key:ada:k1 until': null }),
    );
  });

  test('When its member has more, then only what came back is counted no longer', async () => {
    await shop.arrange(calls.reserveStock(ONE_SHOE), calls.reserveStock({ ...ONE_SHOE, orderId: 'ord_2', key: 'k2' }));
    const some = { ...back, 'product:shoe available': 4, 'product:shoe changes': 5, 'units:shoe ada': 1 };
    expect(await shop.ask(calls.syncHold(ONE_SHOE))).toEqual(wrote(['removed'], some));
  });

  test('When units come back where there were none, then buyers hear of it', async () => {
    const all = { lines: [{ ...HAT, quantity: 5 }] };
    await shop.arrange(calls.reserveStock(all));
    expect(await shop.ask(calls.syncHold(all))).toMatchObject({ answer: ['removed'], news: ['hat'] });
  });
});

describe('dropHold', () => {
  test('When there is no such hold, or not the one that was asked about, then none', async () => {
    expect(await shop.ask(calls.dropHold())).toEqual(only('none'));
    await shop.arrange(calls.reserveStock());
    expect(await shop.ask(calls.dropHold({ hold: 'another' }))).toEqual(only('none'));
  });

  test('When the hold is there, then dropped: limit and key are free, no unit comes back', async () => {
    await shop.arrange(calls.reserveStock());
    expect(await shop.ask(calls.dropHold())).toEqual(
      wrote(['dropped'], {
        'holds ord_1': null,
        'fresh ord_1': null,
        'product:shoe changes': 4,
        'units:shoe ada': null,
        'key:ada:k1': null,
        'key:ada:k1 until': null,
      }),
    );
  });

  test('When its member has another order under the same key, then that stays counted, and the key bound', async () => {
    await shop.arrange(calls.adoptHold(ONE_SHOE), calls.reserveStock({ ...ONE_SHOE, orderId: 'ord_2' }));
    const changes = { 'holds ord_1': null, 'product:shoe changes': 5, 'units:shoe ada': 1 };
    expect(await shop.ask(calls.dropHold(ONE_SHOE))).toEqual(wrote(['dropped'], changes));
  });
});

describe('applyAdjustment', () => {
  test('When it is not the next of a product, then unknownProduct, known or gap with the last one', async () => {
    expect(await shop.ask(calls.applyAdjustment({ id: 'ghost' }))).toEqual(only('unknownProduct'));
    expect(await shop.ask(calls.applyAdjustment({ n: 1 }))).toEqual(only('known', '1'));
    expect(await shop.ask(calls.applyAdjustment({ n: 3 }))).toEqual(only('gap', '1'));
  });

  test('When a refund is the next, then applied: its units come, and count no longer against the limit of their member', async () => {
    await shop.arrange(calls.reserveStock());
    expect(await shop.ask(calls.applyAdjustment({ delta: 1, memberId: 'ada' }))).toEqual(
      wrote(['applied', '2'], {
        ...within('product:shoe', { available: 4, applied: 2, changes: 4, rises: 2 }),
        'units:shoe ada': 1,
      }),
    );
    const { changes } = await shop.ask(calls.applyAdjustment({ n: 3, memberId: 'ada' }));
    expect(changes).toMatchObject({ 'units:shoe ada': null });
  });

  test('When units go, then that is no rise; when the first ones come after none, then buyers hear of it', async () => {
    const fewer = await shop.ask(calls.applyAdjustment({ delta: -5 }));
    const changes = within('product:shoe', { available: 0, applied: 2, changes: 3 });
    expect(fewer).toEqual(wrote(['applied', '2'], changes));
    expect(await shop.ask(calls.applyAdjustment({ n: 3 }))).toMatchObject({ answer: ['applied', '3'], news: ['shoe'] });
  });
});

describe('putProduct', () => {
  test('When a product is new, then put, without units', async () => {
    expect(await shop.ask(calls.putProduct({ id: 'sock', expected: 'none', limit: '' }))).toEqual(
      wrote(
        ['put'],
        within('product:sock', {
          ...{ name: 'a sock', price: 1_000, opensAt: '', closesAt: '', limit: '' },
          ...{ available: 0, rises: 0, applied: 0, changes: 1 },
        }),
      ),
    );
  });

  test('When a product is there, then put, and it keeps its units', async () => {
    const told = await shop.ask(calls.putProduct({ expected: '2', price: 900, closesAt: '7' }));
    const changes = within('product:shoe', { price: 900, closesAt: 7, changes: 3 });
    expect(told).toEqual(wrote(['put'], changes));
  });

  test('When it changed meanwhile, or is there where it was not expected, then moved', async () => {
    expect(await shop.ask(calls.putProduct({ expected: '1', price: 1 }))).toEqual(only('moved'));
    expect(await shop.ask(calls.putProduct({ expected: 'none', price: 1 }))).toEqual(only('moved'));
  });
});

describe('repairAvailable', () => {
  test('When nothing moved, then repaired: down without a rise, up with one, and told where there was nothing', async () => {
    const repair = (expected: number, available: number) => shop.ask(calls.repairAvailable({ expected, available }));
    const repaired = (fields: Record<string, number>, news: string[] = []) =>
      wrote(['repaired'], within('product:shoe', fields), news);
    expect(await repair(2, 0)).toEqual(repaired({ available: 0, changes: 3 }));
    expect(await repair(3, 4)).toEqual(repaired({ available: 4, changes: 4, rises: 2 }, ['shoe']));
    expect(await repair(4, 5)).toEqual(repaired({ available: 5, changes: 5, rises: 3 }));
  });

  test('When it changed meanwhile, or is not known, then moved', async () => {
    expect(await shop.ask(calls.repairAvailable({ expected: 1 }))).toEqual(only('moved'));
    expect(await shop.ask(calls.repairAvailable({ id: 'ghost' }))).toEqual(only('moved'));
  });
});

describe('reads', () => {
  test('When a hold is read, then none, or its text as it was taken', async () => {
    expect(await shop.ask(calls.readHold())).toEqual(only('none'));
    await shop.arrange(calls.reserveStock());
    expect(await shop.ask(calls.readHold())).toEqual(only('hold', HOLD));
  });

  test('When a product is sold out, then its buyers, unless they are too many; none while units are there, or it is not known', async () => {
    await shop.arrange(calls.reserveStock({ lines: [{ ...HAT, quantity: 5 }] }), calls.reserveStock({ key: 'k2' }));
    expect(await shop.ask(calls.readBuyers('hat', 1))).toEqual(only('soldOut', 'ada'));
    expect(await shop.ask(calls.readBuyers('hat', 0))).toEqual(only('none'));
    expect(await shop.ask(calls.readBuyers('shoe'))).toEqual(only('none'));
    expect(await shop.ask(calls.readBuyers('ghost'))).toEqual(only('none'));
  });

  test('When stock is read, then four fields per product, empty ones where it is not known', async () => {
    await shop.arrange(calls.putProduct({ opensAt: '5', closesAt: '7' }));
    const { answer, changes } = await shop.ask(calls.readStock('shoe', 'ghost', 'hat'));
    expect(answer.slice(2)).toEqual(['5', '1', '5', '7', '', '', '', '', '5', '1', '', '']);
    expect([answer[0], Number(answer[1]), changes]).toEqual(['stock', near(Date.now()), {}]);
  });
});

test('When a generation was written on this server, then openGate opens it and tells all buyers; otherwise otherServer, or wiped', async () => {
  await bench.redis.del(shop.gate);
  expect(await shop.ask(calls.openGate('anotherserver'))).toEqual(only('otherServer'));
  const runId = /run_id:(\w+)/.exec(await bench.redis.info('server'))?.[1] ?? '';
  expect(await shop.ask(calls.openGate(runId))).toEqual(only('wiped'));
  await bench.redis.set(shop.sequence, 5);
  expect(await shop.ask(calls.openGate(runId))).toEqual(wrote(['opened'], { gate: TOKEN }, ['*']));
});

test('When requests come, then countRequest counts them, in a life that the first one begins and none prolongs', async () => {
  const first = { 'limit:ada': 1, 'limit:ada until': near(Date.now() + 60_000) };
  expect(await shop.ask(calls.countRequest(60_000))).toEqual(wrote(['1'], first));
  expect(await shop.ask(calls.countRequest(90_000))).toEqual(wrote(['2'], { 'limit:ada': 2 }));
});

describe('the heads of the Lua files', () => {
  test('When a script can give an answer, then its head names it', () => {
    expect(namedAnswers().sort()).toEqual(codedAnswers().sort());
  });

  // The tests above are what it looks at: alone, it fails.
  test('When a head names an answer, then it was given above', () => {
    expect([...bench.seen].sort()).toEqual(namedAnswers().sort());
  });
});
