-- Who may not be told "sold out" without a look: the buyers of a product of which nothing is available, at one moment.
--
-- KEYS: 1 gate  2 product  3 buyers
-- ARGV: 1 gate token  2 buyers at most
-- Answers: gateClosed <gate key found>
--   none                     units are available, the product is not known, or its buyers are too many to list
--   soldOut <member id> …    up to 10,000: about 1 ms, asked once a second per product and process
local gate = redis.call('GET', KEYS[1]) or ''
if gate ~= ARGV[1] then return { 'gateClosed', gate } end
local available = redis.call('HGET', KEYS[2], 'available')
if not available or tonumber(available) > 0 then return { 'none' } end
if redis.call('SCARD', KEYS[3]) > tonumber(ARGV[2]) then return { 'none' } end
local answer = redis.call('SMEMBERS', KEYS[3])
table.insert(answer, 1, 'soldOut')
return answer
