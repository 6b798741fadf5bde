/** The four servers alone, for tests: the same programs and settings as `npm start`, in a folder of their own. */
import { kafkaBrokers, kafkaSpec } from '../servers/kafka';
import { mariadbSpec, mariadbUrl } from '../servers/mariadb';
import { redisSpec, redisUrl } from '../servers/redis';
import { temporalAddress, temporalSpec, temporalUiUrl } from '../servers/temporal';
import { loadCredentials } from './credentials';
import type { Home } from './home';
import { placesOf } from './plan';
import { choosePorts } from './ports';
import { claimLauncher, createStack, endLeftovers } from './stack';

/** Where tests find the servers; `mysql` names no database, each test file makes its own. */
export interface TestServers {
  readonly mysql: string;
  readonly redis: string;
  readonly kafka: string;
  readonly temporal: string;
  readonly temporalUi: string;
}

const NAMES = ['mariadb', 'redis', 'kafka', 'kafkaController', 'temporal', 'temporalUi'];

/** Those of this folder run already: the message says whose they are. */
export class TestServersRunning extends Error {
  override readonly name = 'TestServersRunning';
}

/** Starts them and waits until all serve. @throws TestServersRunning when another process has started those of this folder */
export async function startTestServers(home: Home, say: (sentence: string) => void) {
  const other = claimLauncher(home);
  if (other) throw new TestServersRunning(`the test servers of ${home.dir} run already (pid ${other.pid})`);
  await endLeftovers(home);
  const { ports } = await choosePorts(home, NAMES, {});
  const places = placesOf({ home, ports, credentials: await loadCredentials(home) });
  const specs = [
    mariadbSpec(places.mariadb),
    redisSpec(places.redis),
    kafkaSpec(places.kafka),
    temporalSpec(places.temporal),
  ];
  const stack = createStack(
    home,
    specs.map((spec) => ({ ...spec, layer: 1 })),
    say,
  );
  await stack
    .start(
      () => true,
      (part, ms) => say(`${part.spec.name} ready in ${ms} ms`),
    )
    .catch(async (error: unknown) => {
      await stack.stop();
      throw error;
    });
  const servers: TestServers = {
    mysql: mariadbUrl(places.mariadb),
    redis: redisUrl(places.redis),
    kafka: kafkaBrokers(places.kafka),
    temporal: temporalAddress(places.temporal),
    temporalUi: temporalUiUrl(places.temporal),
  };
  return { servers, stop: () => stack.stop() };
}
