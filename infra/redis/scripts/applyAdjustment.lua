-- Applies one numbered change of a product's units (first stock, restock, refund, correction), each once and in order.
-- The number is written by the MariaDB transaction of the change; repeats and early birds change nothing.
--
-- KEYS: 1 gate  2 product  3 units
-- ARGV: 1 gate token  2 product id  3 number  4 delta (units)  5 channel of rises
--       6 member whose units no longer count against the limit (a refund; '' for nobody)
-- Answers: gateClosed <gate key found> | unknownProduct
--   applied <number> | known <number applied last> | gap <number applied last>
local gate = redis.call('GET', KEYS[1]) or ''
if gate ~= ARGV[1] then return { 'gateClosed', gate } end
local applied = redis.call('HGET', KEYS[2], 'applied')
if not applied then return { 'unknownProduct' } end
local number, delta = tonumber(ARGV[3]), tonumber(ARGV[4])
if number <= tonumber(applied) then return { 'known', applied } end
if number > tonumber(applied) + 1 then return { 'gap', applied } end

local available = redis.call('HINCRBY', KEYS[2], 'available', delta)
redis.call('HSET', KEYS[2], 'applied', ARGV[3])
redis.call('HINCRBY', KEYS[2], 'changes', 1)
if delta > 0 then
  redis.call('HINCRBY', KEYS[2], 'rises', 1)
  if available > 0 and available <= delta then redis.call('PUBLISH', ARGV[5], ARGV[2]) end
end
if ARGV[6] ~= '' then
  local owned = tonumber(redis.call('HGET', KEYS[3], ARGV[6]) or '0')
  if owned > delta then
    redis.call('HINCRBY', KEYS[3], ARGV[6], -delta)
  elseif owned > 0 then
    redis.call('HDEL', KEYS[3], ARGV[6])
  end
end
return { 'applied', ARGV[3] }
