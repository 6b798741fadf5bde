/** Errors in the log: what happened, and none of the values that were sent. */
import { QueryFailedError } from 'typeorm';
import { loggedError } from '../../infra/process/logger';

test('When a statement has failed, then its text and number are logged, and none of its values', () => {
  const query = 'INSERT INTO members (id, password_hash) VALUES (?, ?)';
  const sql = "INSERT INTO members (id, password_hash) VALUES ('mem_1', '$argon2id$hash')";
  const driver = Object.assign(new Error("Unknown column 'x'"), { errno: 1054, sql });
  const logged = loggedError(new QueryFailedError(query, ['mem_1', '$argon2id$hash'], driver));
  expect(logged).toMatchObject({ message: "Unknown column 'x'", errno: 1054, query });
  expect(JSON.stringify(logged)).not.toContain('argon2id');
});

test('When Redis has refused a command, then its arguments are not logged', () => {
  const refused = Object.assign(new Error('ERR no'), { command: { name: 'set', args: ['key', 'ticket of somebody'] } });
  expect(JSON.stringify(loggedError(refused))).not.toContain('ticket of somebody');
});

test('When what was thrown is no error, then it is logged as it is', () => {
  expect([loggedError('no'), loggedError(null), loggedError({ kind: 'odd' })]).toEqual(['no', null, { kind: 'odd' }]);
});
