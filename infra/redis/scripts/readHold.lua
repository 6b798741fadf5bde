-- Reads one hold in the open generation.
--
-- KEYS: 1 gate  2 holds
-- ARGV: 1 gate token  2 order id
-- Answers: gateClosed <gate key found> | none | hold <hold text>
local gate = redis.call('GET', KEYS[1]) or ''
if gate ~= ARGV[1] then return { 'gateClosed', gate } end
local hold = redis.call('HGET', KEYS[2], ARGV[2])
if not hold then return { 'none' } end
return { 'hold', hold }
