-- Opens the gate for a generation that has just been written, if the server is still the one it was written on: a restart
-- in between may have lost a part. Here INFO is worth its price, for it is asked once per rebuild.
--
-- KEYS: 1 gate
-- ARGV: 1 gate token  2 run id of the server that was written to  3 channel of rises
-- Answers: opened | otherServer
if not string.find(redis.call('INFO', 'server'), 'run_id:' .. ARGV[2], 1, true) then return { 'otherServer' } end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('PUBLISH', ARGV[3], '*')
return { 'opened' }
