/** The checkout as nobody may deploy it over running sagas: it waits before it holds the units. Replay has to refuse it. */
import { sleep } from '@temporalio/workflow';
import type { CheckoutInput, CheckoutResult } from '../../../domain/saga';
import { checkout as original } from '../../../workflows/checkout/workflow';

export async function checkout(input: CheckoutInput): Promise<CheckoutResult> {
  await sleep(input.settings.answerMs);
  return original(input);
}
