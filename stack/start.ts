/**
 * `npm start`: servers, schema, processes, demo data; then it watches over them until it is told to stop.
 * Stops in order on SIGINT, SIGTERM, SIGHUP, and when its parent disappears.
 */
import path from 'node:path';
import { ConfigError, EX_CONFIG } from '../infra/process/config';
import { parseArguments } from './launcher/arguments';
import { bringUp, planStack } from './launcher/bring-up';
import { say, showTable, showTry } from './launcher/display';
import { createHome } from './launcher/home';
import { assertHandedOn, partsOf, placesOf } from './launcher/plan';
import { portOf } from './launcher/ports';
import { claimLauncher, createStack } from './launcher/stack';
import { untilTold } from './launcher/until-told';
import { temporalUiUrl } from './servers/temporal';

/** Runs the stack until it is told to stop. @returns the exit code */
export async function main(argv: readonly string[]): Promise<number> {
  const options = parseArguments(argv);
  try {
    assertHandedOn(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    say(`  ✗ ${error.message}`);
    return EX_CONFIG;
  }
  const home = createHome(path.resolve(__dirname, '..', '..'));
  const other = claimLauncher(home);
  if (other) {
    say(
      `  ✗ a stack of this folder is running already (launcher pid ${other.pid}): stop it first, or set FIRSTCOME_HOME`,
    );
    return 1;
  }
  const stackPlan = await planStack(home, options);
  const told = untilTold();
  const stack = createStack(stackPlan.home, partsOf(stackPlan), (sentence) => say(`  ${sentence}`));
  try {
    const productId = await Promise.race([bringUp(stack, stackPlan), told.then(() => null)]);
    if (productId) {
      showTable(stack.parts);
      const url = (name: string): string => `http://127.0.0.1:${portOf(stackPlan.ports, name)}`;
      const temporalUi = temporalUiUrl(placesOf(stackPlan).temporal);
      const addresses = { gateway: url('gateway'), sandbox: url('sandbox'), temporalUi };
      showTry(addresses, stackPlan.credentials, productId, home.at('credentials.json'), process.env.FIRSTCOME_HOME);
      // Set-up ran in this very process: what it took counts for whoever waits.
      say(`  ready after ${process.uptime().toFixed(1)} s`);
    }
    say(`  stopping (${await told})`);
    return 0;
  } catch (error) {
    say(`  ✗ ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    await stack.stop();
    say('  stopped');
  }
}
