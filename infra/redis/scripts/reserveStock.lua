-- Decides a checkout: refuses it, or takes its units and the next sequence number. All lines or none.
-- One script, because between a check and a write of two round trips another buyer takes the unit.
--
-- KEYS: 1 gate  2 key record  3 sequence  4 holds  5 fresh, then per line: product, units, buyers
-- ARGV: 1 gate token  2 order id  3 member id  4 key record text  5 hold text  6 expected amount (won; '' for any)
--       7 life of the key record (s)  8 buyers kept per product  then per line: quantity (units, > 0)
-- Answers:
--   gateClosed <gate key found>                     | unknownProduct <line>
--   replayed <key record>                           the key was used before
--   notOpen <line> <opens at, ms>                   | closed <line>
--   limitReached <line>                             | soldOut <line>
--   priceChanged <amount, won>
--   reserved <sequence> then per line: name, price (won), limit ('' for none)
-- Checks first, writes last: a script that fails half-way is not rolled back.
-- Cost: 20–27 µs for one line, refusals a third of it; at most 20 lines.
local gate = redis.call('GET', KEYS[1]) or ''
if gate ~= ARGV[1] then return { 'gateClosed', gate } end
local record = redis.call('GET', KEYS[2])
if record then return { 'replayed', record } end

local orderId, memberId = ARGV[2], ARGV[3]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local lines = #ARGV - 8
local answer = { 'reserved', '' }
local amount = 0

for line = 1, lines do
  local product, units = KEYS[3 + 3 * line], KEYS[4 + 3 * line]
  local quantity = tonumber(ARGV[8 + line])
  local is = redis.call('HMGET', product, 'available', 'name', 'price', 'opensAt', 'closesAt', 'limit')
  if not is[1] then return { 'unknownProduct', tostring(line) } end
  if is[4] ~= '' and now < tonumber(is[4]) then return { 'notOpen', tostring(line), is[4] } end
  if is[5] ~= '' and now >= tonumber(is[5]) then return { 'closed', tostring(line) } end
  if is[6] ~= '' then
    local owned = tonumber(redis.call('HGET', units, memberId) or '0')
    if owned + quantity > tonumber(is[6]) then return { 'limitReached', tostring(line) } end
  end
  if tonumber(is[1]) < quantity then return { 'soldOut', tostring(line) } end
  amount = amount + tonumber(is[3]) * quantity
  answer[3 * line], answer[3 * line + 1], answer[3 * line + 2] = is[2], is[3], is[6]
end
if ARGV[6] ~= '' and tonumber(ARGV[6]) ~= amount then return { 'priceChanged', string.format('%.0f', amount) } end

for line = 1, lines do
  local product, units, buyers = KEYS[3 + 3 * line], KEYS[4 + 3 * line], KEYS[5 + 3 * line]
  local quantity = ARGV[8 + line]
  redis.call('HINCRBY', product, 'available', '-' .. quantity)
  redis.call('HINCRBY', product, 'changes', 1)
  if answer[3 * line + 2] ~= '' then redis.call('HINCRBY', units, memberId, quantity) end
  if redis.call('SCARD', buyers) <= tonumber(ARGV[8]) then redis.call('SADD', buyers, memberId) end
end
redis.call('HSET', KEYS[4], orderId, ARGV[5])
redis.call('ZADD', KEYS[5], now, orderId)
redis.call('SET', KEYS[2], ARGV[4], 'EX', ARGV[7])
answer[2] = tostring(redis.call('INCR', KEYS[3]))
return answer
