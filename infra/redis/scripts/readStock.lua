-- Reads the stock of several products at one moment.
--
-- KEYS: 1 gate, then per line: product
-- ARGV: 1 gate token
-- Answers: gateClosed <gate key found>
--   stock <now, ms> then per line: available ('' for an unknown product), rises, opensAt, closesAt
-- Cost: about 2 µs per product; callers ask for one page at a time.
local gate = redis.call('GET', KEYS[1]) or ''
if gate ~= ARGV[1] then return { 'gateClosed', gate } end
local clock = redis.call('TIME')
local answer = { 'stock', string.format('%.0f', clock[1] * 1000 + math.floor(clock[2] / 1000)) }
for line = 2, #KEYS do
  local is = redis.call('HMGET', KEYS[line], 'available', 'rises', 'opensAt', 'closesAt')
  for field = 1, 4 do
    answer[#answer + 1] = is[field] or ''
  end
end
return answer
