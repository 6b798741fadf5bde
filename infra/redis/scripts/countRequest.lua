-- Counts one request of a client in its minute.
--
-- KEYS: 1 counter of this client and minute
-- ARGV: 1 life of the counter, ms
-- Answers: <requests so far, this one included>
-- Cost: one INCR, and one PEXPIRE per client and minute. One script, because a counter left without its life stays for ever.
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return { tostring(count) }
