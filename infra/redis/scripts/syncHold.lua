-- Removes a hold as MariaDB's word demands. The word is read before this script runs, so the hold must still be the one
-- that was asked about; final words never change, and of an order without a row the age of the hold decides here.
--
-- KEYS: 1 gate  2 holds  3 fresh  4 key record, then per line: product, units
-- ARGV: 1 gate token  2 order id  3 hold text  4 'sold' | 'free' | 'unknown'  5 age (ms) from which a hold without a row
--       is abandoned  6 member id  7 channel of rises  then per line: product id, quantity (units)
-- Answers: gateClosed <gate key found>
--   none      no such hold
--   kept      without a row and young: its caller may still be about to commit
--   removed   'sold': nothing given back. 'free', 'unknown': units and limits given back; 'unknown' frees the key too
-- Available rises here only together with the removal of an existing hold, so no repeat can give back twice.
local gate = redis.call('GET', KEYS[1]) or ''
if gate ~= ARGV[1] then return { 'gateClosed', gate } end
local orderId, word, memberId = ARGV[2], ARGV[4], ARGV[6]
if redis.call('HGET', KEYS[2], orderId) ~= ARGV[3] then return { 'none' } end

if word == 'unknown' then
  local taken = redis.call('ZSCORE', KEYS[3], orderId)
  local clock = redis.call('TIME')
  local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
  -- Not fresh: its row has been seen, whatever the reader saw.
  if not taken or now - tonumber(taken) < tonumber(ARGV[5]) then return { 'kept' } end
end

redis.call('HDEL', KEYS[2], orderId)
redis.call('ZREM', KEYS[3], orderId)
for line = 1, (#ARGV - 7) / 2 do
  local product, units = KEYS[3 + 2 * line], KEYS[4 + 2 * line]
  local productId, quantity = ARGV[6 + 2 * line], tonumber(ARGV[7 + 2 * line])
  if redis.call('EXISTS', product) == 1 then
    redis.call('HINCRBY', product, 'changes', 1)
    if word ~= 'sold' then
      local available = redis.call('HINCRBY', product, 'available', quantity)
      redis.call('HINCRBY', product, 'rises', 1)
      if available > 0 and available <= quantity then redis.call('PUBLISH', ARGV[7], productId) end
    end
  end
  if word ~= 'sold' then
    local owned = tonumber(redis.call('HGET', units, memberId) or '0')
    if owned > quantity then
      redis.call('HINCRBY', units, memberId, -quantity)
    else
      redis.call('HDEL', units, memberId)
    end
  end
end
if word == 'unknown' then
  local record = redis.call('GET', KEYS[4])
  if record and string.sub(record, 1, #orderId + 1) == orderId .. ' ' then redis.call('DEL', KEYS[4]) end
end
return { 'removed' }
