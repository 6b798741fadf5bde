/** What the engine's errors mean for who asked it: told apart by what may have happened, never by the text. */
import { ServiceError } from '@temporalio/client';
import { isUnanswered, orUnavailable } from '../../infra/temporal/failures';

/** As the client throws what the server answered. */
const answered = (code: number, details = ''): ServiceError => {
  const cause = Object.assign(new Error(details), { code, details, metadata: {} });
  return new ServiceError('Workflow Update failed', { cause });
};

test.each([
  ['its deadline has passed', answered(4)],
  [
    'its workflow has no task that works now',
    answered(9, 'Unable to perform workflow execution update due to Workflow Task in failed state.'),
  ],
])('When an Update is not taken because %s, then nobody knows whether it will be', (_why, error) => {
  expect(isUnanswered(error)).toBe(true);
});

test.each([5, 3, 13])('When the engine answers %s, then that is an answer', (code) => {
  expect(isUnanswered(answered(code))).toBe(false);
});

test('When the engine is away, then the problem says come again; anything else is thrown as it is', async () => {
  const away = answered(14);
  await expect(orUnavailable(() => Promise.reject(away))).rejects.toMatchObject({ code: 'unavailable', cause: away });
  const other = answered(3);
  await expect(orUnavailable(() => Promise.reject(other))).rejects.toBe(other);
});
