-- Opens the gate for a generation that has just been written, if the server is still the one it was written on: a restart
-- in between may have lost a part. Here INFO is worth its price, for it is asked once per rebuild. A wipe in between leaves
-- the run id; but the sequence is written first of all, so without it something has been lost.
--
-- KEYS: 1 gate  2 sequence of the generation
-- ARGV: 1 gate token  2 run id of the server that was written to  3 channel of rises
-- Answers: opened | otherServer | wiped
if not string.find(redis.call('INFO', 'server'), 'run_id:' .. ARGV[2], 1, true) then return { 'otherServer' } end
if redis.call('EXISTS', KEYS[2]) == 0 then return { 'wiped' } end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('PUBLISH', ARGV[3], '*')
return { 'opened' }
