-- Sets available to what MariaDB says, if nothing has moved since both were read: otherwise the difference may be a step
-- under way, and repairing it would give a unit twice.
--
-- KEYS: 1 gate  2 product
-- ARGV: 1 gate token  2 product id  3 expected `changes`  4 available (units)  5 channel of rises
-- Answers: gateClosed <gate key found> | repaired | moved (nothing written)
local gate = redis.call('GET', KEYS[1]) or ''
if gate ~= ARGV[1] then return { 'gateClosed', gate } end
if redis.call('HGET', KEYS[2], 'changes') ~= ARGV[3] then return { 'moved' } end
local before, after = tonumber(redis.call('HGET', KEYS[2], 'available')), tonumber(ARGV[4])
redis.call('HSET', KEYS[2], 'available', ARGV[4])
redis.call('HINCRBY', KEYS[2], 'changes', 1)
if after > before then
  redis.call('HINCRBY', KEYS[2], 'rises', 1)
  if before <= 0 then redis.call('PUBLISH', ARGV[5], ARGV[2]) end
end
return { 'repaired' }
