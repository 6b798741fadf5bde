-- Drops a hold whose order MariaDB refused, without giving its units back: MariaDB has just said that they were not there.
-- If they were (another line was refused), the drift check raises available to the truth. The key is free again.
--
-- KEYS: 1 gate  2 holds  3 fresh  4 key record, then per line: product, units
-- ARGV: 1 gate token  2 order id  3 hold text  4 member id  then per line: quantity (units)
-- Answers: gateClosed <gate key found> | none | dropped
local gate = redis.call('GET', KEYS[1]) or ''
if gate ~= ARGV[1] then return { 'gateClosed', gate } end
local orderId, memberId = ARGV[2], ARGV[4]
if redis.call('HGET', KEYS[2], orderId) ~= ARGV[3] then return { 'none' } end

redis.call('HDEL', KEYS[2], orderId)
redis.call('ZREM', KEYS[3], orderId)
for line = 1, #ARGV - 4 do
  local product, units = KEYS[3 + 2 * line], KEYS[4 + 2 * line]
  local quantity = tonumber(ARGV[4 + line])
  if redis.call('EXISTS', product) == 1 then redis.call('HINCRBY', product, 'changes', 1) end
  local owned = tonumber(redis.call('HGET', units, memberId) or '0')
  if owned > quantity then
    redis.call('HINCRBY', units, memberId, -quantity)
  else
    redis.call('HDEL', units, memberId)
  end
end
local record = redis.call('GET', KEYS[4])
if record and string.sub(record, 1, #orderId + 1) == orderId .. ' ' then redis.call('DEL', KEYS[4]) end
return { 'dropped' }
