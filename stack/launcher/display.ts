/** What `npm start` shows: each step as it goes, the table of parts, and lines to try. */
import type { Credentials } from './credentials';
import type { Part } from './part';

export const say = (text: string): void => void process.stdout.write(`${text}\n`);

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

export const showReady = (name: string, ms: number, log: string): void =>
  say(`  ✓ ${name.padEnd(20)} ready in ${seconds(ms).padStart(6)}   log: ${log}`);

/** Runs one step and shows how long it took. */
export async function step<T>(name: string, log: string, work: () => Promise<T>): Promise<T> {
  const startedAt = Date.now();
  const result = await work();
  showReady(name, Date.now() - startedAt, log);
  return result;
}

export function showTable(parts: readonly Part[]): void {
  say('\n  part                  state        address');
  for (const part of parts) {
    say(`  ${part.spec.name.padEnd(21)} ${part.state().padEnd(12)} ${part.spec.url ?? ''}`);
  }
}

export interface Addresses {
  readonly gateway: string;
  readonly sandbox: string;
  readonly temporalUi: string;
}

/** Lines that buy one unit, with nothing but curl and sed; a test runs them as they are printed. */
export function tryLines({ gateway, sandbox }: Addresses, { members }: Credentials, productId: string): string[] {
  const [buyer] = members;
  const field = (name: string): string => `sed -E 's/.*"${name}":"?([^",}]+)"?.*/\\1/'`;
  const json = `-H 'Content-Type: application/json'`;
  return [
    `GATEWAY=${gateway}`,
    `SANDBOX=${sandbox}`,
    `TOKEN=$(curl -s $GATEWAY/v1/sessions ${json} -d '{"username":"${buyer?.username}","password":"${buyer?.password}"}' | ${field('accessToken')})`,
    `PRODUCT=${productId}`,
    `curl -s $GATEWAY/v1/products/$PRODUCT/stock; echo`,
    `CHECKOUT=$(curl -s $GATEWAY/v1/checkouts -H "Authorization: Bearer $TOKEN" -H "Idempotency-Key: $(date +%s)-$$" -H 'Prefer: wait=10' ${json} -d "{\\"items\\":[{\\"productId\\":\\"$PRODUCT\\",\\"quantity\\":1}]}")`,
    `echo "$CHECKOUT"`,
    `ORDER=$(echo "$CHECKOUT" | sed -E 's/^.*"orderId":"(ord_[a-z0-9]+)".*$/\\1/')`,
    `AMOUNT=$(echo "$CHECKOUT" | sed -E 's/^.*"amount":([0-9]+).*$/\\1/')`,
    `KEY=$(curl -s $SANDBOX/sandbox/authorizations ${json} -d "{\\"orderId\\":\\"$ORDER\\",\\"amount\\":$AMOUNT}" | ${field('paymentKey')})`,
    `curl -s $GATEWAY/v1/payments/confirm -H "Authorization: Bearer $TOKEN" -H "Idempotency-Key: pay-$ORDER" ${json} -d "{\\"paymentKey\\":\\"$KEY\\",\\"orderId\\":\\"$ORDER\\",\\"amount\\":$AMOUNT}"; echo`,
    `curl -s $GATEWAY/v1/orders/$ORDER -H "Authorization: Bearer $TOKEN"; echo`,
  ];
}

/**
 * @param productId what the lines buy
 * @param file where the logins of admin and members are kept
 * @param home FIRSTCOME_HOME as the user has set it: without it the next command would mean the stack of the usual folder
 */
export function showTry(
  addresses: Addresses,
  credentials: Credentials,
  productId: string,
  file: string,
  home: string | undefined,
): void {
  const command = home ? `FIRSTCOME_HOME='${home}' npm run` : 'npm run';
  say(`\n  Gateway   ${addresses.gateway}        API page ${addresses.gateway}/docs`);
  say(`  Temporal  ${addresses.temporalUi}`);
  say(`  Logins    ${file}`);
  say('\n  Buy something (paste into bash):\n');
  for (const line of tryLines(addresses, credentials, productId)) say(line);
  say(`\n  Load:   ${command} load -- --buyers 1000 --units 100`);
  say(`  Audit:  ${command} audit`);
  say('  Stop:   Ctrl-C\n');
}
