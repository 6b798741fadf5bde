/** A load from beginning to end: members and product made ready, the sale, the report with its verdict. */
import { dirname, join } from 'node:path';
import { createEvent, findSaga, logIn } from './admin';
import { auditChecks } from './audit';
import { watchBacklog } from './backlog';
import { type Habit, play, type Scene } from './buyer';
import { createEvents } from './events';
import { createHttp, type Http } from './http';
import { type LoadMember, readyMembers } from './members';
import { writeObservations } from './observations';
import type { LoadOptions } from './options';
import { intendedAt, waitUntil } from './pace';
import { showPreparation, showSale } from './progress';
import { createReport, type Report, type SlowSaga, slowestOf } from './report';
import { LoadError, type Target } from './stack';
import { createTally, type Ended } from './tally';
import { checkTally, verdictOf } from './verdict';

/** How long the look-up of a product is tried. */
const LOOK_UP_MS = 30_000;
/** Buyers wait for each other until here, so that the first is not sent while the last is being set up. */
const LEAD_MS = 200;
/** The golden ratio spreads habits evenly over the line, the same in every run. */
const GOLDEN = 0.618_033_988_749_895;

export async function runLoad(options: LoadOptions, target: Target, env: NodeJS.ProcessEnv): Promise<Report> {
  const gateway = createHttp(target.gateway, Math.min(options.connections, options.buyers));
  const events = createEvents(target.gateway);
  const sandbox = createHttp(target.sandbox, Math.min(64, options.buyers));
  // A connection of its own: the look at the line must not wait behind those who stand in it.
  const onlooker = createHttp(target.gateway, 1);
  try {
    await assertAnswers(gateway, target.gateway);
    if (options.product !== undefined) await assertProduct(gateway, options.product);
    const members = await prepare(gateway, options, target);
    const admin = await logIn(gateway, target.admin);
    const productId = options.product ?? (await createEvent(gateway, admin, options.units));
    const tally = createTally();
    const scene: Scene = {
      gateway,
      events,
      sandbox,
      productId,
      tally,
      startedAt: performance.now() + LEAD_MS,
      thinkMs: options.think,
      patienceMs: options.patience * 1_000,
    };
    const { newest } = tally;
    const backlog = watchBacklog(onlooker, () => [newest.payer, newest.abandoner].filter((each) => each !== null));
    const progress = showSale(tally, options.buyers, backlog.length);
    try {
      await sell(scene, members, options);
    } finally {
      await backlog.stop();
      progress.stop();
    }
    // A long sale outlives the admin's first token.
    const slowest = await nameSlowest(gateway, await logIn(gateway, target.admin), slowestOf(tally.ended));
    const observations = join(dirname(target.membersFile), 'load', `${productId}-${Date.now()}.jsonl`);
    await writeObservations(observations, tally.told);
    const verdict = verdictOf([...checkTally(tally, options), ...(await auditChecks(options, env, observations))]);
    const repeats = { ...gateway.repeats };
    return createReport({ options, productId, tally, repeats, slowest, verdict });
  } finally {
    await Promise.all([gateway.close(), events.close(), sandbox.close(), onlooker.close()]);
  }
}

/** A stack that was stopped leaves its addresses behind: say so at once instead of trying for minutes. */
async function assertAnswers(gateway: Http, url: string): Promise<void> {
  const answer = await gateway.send({ method: 'GET', path: '/livez' }).catch(() => null);
  if (answer?.status !== 200) throw new LoadError(`the gateway at ${url} does not answer: is the stack running?`);
}

/** A product that is not there refuses every checkout: say so before members are made and a sale is played for nothing. */
async function assertProduct(gateway: Http, productId: string): Promise<void> {
  const path = `/v1/products/${encodeURIComponent(productId)}`;
  const { status, body } = await gateway.insist({ method: 'GET', path }, Date.now() + LOOK_UP_MS);
  // The id is compared too: without one the path is that of the list, which answers 200.
  if (status === 200 && body.productId === productId) return;
  throw new LoadError(`no product '${productId}' was found: GET ${path} answered ${status} ${body.code ?? 'no code'}`);
}

async function prepare(
  gateway: Http,
  { buyers }: LoadOptions,
  { membersFile }: Target,
): Promise<readonly LoadMember[]> {
  const progress = showPreparation(buyers);
  try {
    return await readyMembers(gateway, { count: buyers, file: membersFile, onReady: progress.step });
  } finally {
    progress.stop();
  }
}

function habitOf(index: number, { decline, abandon }: LoadOptions): Habit {
  const place = (index * GOLDEN) % 1;
  if (place < decline) return 'declined';
  return place < decline + abandon ? 'abandons' : 'pays';
}

/** Each buyer leaves at its intended time, whatever became of those before it. */
async function sell(scene: Scene, members: readonly LoadMember[], options: LoadOptions): Promise<void> {
  const buyers = members.map(async (member, index) => {
    const intended = scene.startedAt + intendedAt(index, options.rate);
    await waitUntil(intended);
    await play(scene, { member, habit: habitOf(index, options), intended });
  });
  await Promise.all(buyers);
}

async function nameSlowest(gateway: Http, token: string, slowest: readonly Ended[]): Promise<readonly SlowSaga[]> {
  return Promise.all(
    slowest.map(async (each) => ({
      ...each,
      tookMs: Math.round(each.tookMs),
      // A link that cannot be had must not cost the report.
      url: await findSaga(gateway, token, each.orderId).catch(() => null),
    })),
  );
}
