/** What a load shows while it runs, and from when on it counts. */
import { watchBacklog } from '../../load/backlog';
import { play, type Scene } from '../../load/buyer';
import type { Answer, Call, Http } from '../../load/http';
import { createLine } from '../../load/progress';
import { createTally, type Tally } from '../../load/tally';
import { until } from '../support/until';

describe('the line', () => {
  let tally: Tally;
  let now = 0;
  beforeEach(() => {
    tally = createTally();
    now = 10_000;
  });
  const confirm = (count: number): void => {
    for (let n = 0; n < count; n += 1) tally.ended.push({ orderId: `ord_${n}`, ending: 'confirmed', tookMs: 1 });
  };

  test('When it is asked, then each count stands with what the second before brought', () => {
    const line = createLine(tally, () => now);
    expect(line(null)).toBe(
      'accepted 0 (0/s)  refused 0 (0/s)  failed 0 (0/s)  paid 0 (0/s)  confirmed 0 (0/s)  backlog ?',
    );
    Object.assign(tally, { accepted: 120, paid: 60, refused: { sold_out: 30, limit_reached: 10 }, failed: { a: 2 } });
    confirm(40);
    now += 500;
    // Since the start, as long as that is less than a second.
    expect(line(80)).toBe(
      'accepted 120 (240/s)  refused 40 (80/s)  failed 2 (4/s)  paid 60 (120/s)  confirmed 40 (80/s)  backlog 80',
    );
    now += 500;
    expect(line(80)).toMatch(/^accepted 120 \(120\/s\)/);
    Object.assign(tally, { accepted: 150 });
    now += 500;
    // Half of this second was before: then nothing came, and now thirty.
    expect(line(0)).toMatch(/^accepted 150 \(30\/s\) .* backlog 0$/);
    now += 1_000;
    expect(line(0)).toMatch(/^accepted 150 \(0\/s\) {2}refused 40 \(0\/s\)/);
  });
});

const answer = (status: number, body: Answer['body']): Answer => ({ status, body, headers: {} });

describe('the backlog', () => {
  const lastOf = (orderId: string) => ({ orderId, sequence: 7, member: { accessToken: `token of ${orderId}` } });

  test('When the newest order waits, then the line is as long as its place says; when it has left, then it is empty', async () => {
    const calls: Call[] = [];
    let body: Answer['body'] = { status: 'QUEUED', ahead: 11 };
    const send: Http['send'] = async (call) => {
      calls.push(call);
      return answer(200, body);
    };
    let lastOnes: ReturnType<typeof lastOf>[] = [];
    const backlog = watchBacklog({ send }, () => lastOnes, 5);
    expect(backlog.length()).toBeNull();
    lastOnes = [lastOf('ord_a')];
    await until(() => backlog.length() === 12, { within: 5_000, what: 'the length of the line' });
    expect(calls[0]).toEqual({ method: 'GET', path: '/v1/checkouts/ord_a', token: 'token of ord_a' });
    body = { status: 'PENDING_PAYMENT', ahead: null };
    await backlog.stop();
    expect(backlog.length()).toBe(0);
  });

  test('When payers have overtaken, then the last who does not pay tells how long the line is', async () => {
    const places: Record<string, Answer['body']> = {
      '/v1/checkouts/ord_payer': { status: 'CONFIRMED', ahead: null },
      '/v1/checkouts/ord_other': { status: 'QUEUED', ahead: 299 },
    };
    const send: Http['send'] = async ({ path }) => answer(200, places[path] ?? {});
    const backlog = watchBacklog({ send }, () => [lastOf('ord_payer'), lastOf('ord_other')], 5);
    await until(() => backlog.length() === 300, { within: 5_000, what: 'the length of the line' });
    await backlog.stop();
  });

  test('When no answer comes any more, then it is not known any more', async () => {
    let fails = false;
    let sent = 0;
    const send: Http['send'] = async () => {
      sent += 1;
      if (fails) throw new Error('no answer');
      return answer(200, { status: 'QUEUED', ahead: 2 });
    };
    const backlog = watchBacklog({ send }, () => [lastOf('ord_a')], 5);
    await until(() => backlog.length() === 3, { within: 5_000, what: 'the length of the line' });
    fails = true;
    const before = sent;
    await until(() => sent > before + 2, { within: 5_000, what: 'further looks' });
    expect(backlog.length()).toBeNull();
    fails = false;
    await backlog.stop();
    expect(backlog.length()).toBe(3);
  });
});

describe('latencies', () => {
  test('When a checkout leaves late, then its wait counts: the clock runs from the intended time', async () => {
    const tally = createTally();
    const insist: Http['insist'] = async () =>
      answer(202, { orderId: 'ord_a', sequence: 7, amount: 100, eventsUrl: '/v1/checkouts/ord_a/events' });
    const refuses: Http['insist'] = async () => answer(409, { code: 'sold_out' });
    const gatewayOf = (how: Http['insist']): Http => ({
      insist: how,
      send: () => how({ method: 'GET', path: '/' }, 0),
      repeats: {},
      close: async () => undefined,
    });
    const claims = Buffer.from(JSON.stringify({ sub: 'mem_a' })).toString('base64url');
    const member = { username: 'a', password: 'b', accessToken: `h.${claims}.s`, refreshToken: 'r', accessUntil: 0 };
    const scene = (how: Http['insist']): Scene => ({
      gateway: gatewayOf(how),
      sandbox: gatewayOf(how),
      events: { find: async () => ({ status: 'EXPIRED' }), close: async () => undefined },
      productId: 'prd',
      tally,
      startedAt: performance.now() - 60_000,
      thinkMs: 0,
      patienceMs: 1_000,
    });
    const intended = performance.now() - 5_000;
    await play(scene(insist), { member, habit: 'abandons', intended });
    await play(scene(refuses), { member, habit: 'pays', intended });
    expect(tally).toMatchObject({
      sent: 2,
      accepted: 1,
      refused: { sold_out: 1 },
      newest: { payer: null, abandoner: { orderId: 'ord_a', member } },
    });
    const [acceptance, answers] = [tally.acceptance, tally.answers].map((each) => each.minNonZeroValue / 1_000);
    for (const ms of [acceptance ?? 0, answers ?? 0, tally.ended[0]?.tookMs ?? 0]) {
      expect(ms).toBeGreaterThanOrEqual(4_990);
      expect(ms).toBeLessThan(55_000);
    }
  });
});
