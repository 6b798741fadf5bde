-- The saga's first step: the order is in MariaDB, so its hold is no longer fresh; where the gate has lost the hold, it is
-- taken again unconditionally, for the ledger holds the units already. Available may fall below 0, which reads as sold out.
-- Atomic, so that two callers do not take it twice.
--
-- KEYS: 1 gate  2 holds  3 fresh, then per line: product, units, buyers
-- ARGV: 1 gate token  2 order id  3 member id  4 hold text  then per line: quantity (units)
-- Answers: gateClosed <gate key found> | adopted | retaken
-- A product the gate does not know is left out: the drift check brings it, with what MariaDB holds.
local gate = redis.call('GET', KEYS[1]) or ''
if gate ~= ARGV[1] then return { 'gateClosed', gate } end
local orderId, memberId = ARGV[2], ARGV[3]
redis.call('ZREM', KEYS[3], orderId)
if redis.call('HEXISTS', KEYS[2], orderId) == 1 then return { 'adopted' } end

for line = 1, #ARGV - 4 do
  local product, units, buyers = KEYS[1 + 3 * line], KEYS[2 + 3 * line], KEYS[3 + 3 * line]
  local quantity = ARGV[4 + line]
  local limit = redis.call('HGET', product, 'limit')
  if limit then
    redis.call('HINCRBY', product, 'available', '-' .. quantity)
    redis.call('HINCRBY', product, 'changes', 1)
    if limit ~= '' then redis.call('HINCRBY', units, memberId, quantity) end
    redis.call('SADD', buyers, memberId)
  end
end
redis.call('HSET', KEYS[2], orderId, ARGV[4])
return { 'retaken' }
