-- Writes what buyers are judged by: name, price, window, limit. A new product starts without units; they come by
-- applyAdjustment only. Atomic, so that no buyer meets a new price in an old window.
--
-- KEYS: 1 gate  2 product
-- ARGV: 1 gate token  2 expected `changes` ('' writes always, 'none' only where there is no product)
--       3 name  4 price (won)  5 opensAt (ms, '' for no bound)  6 closesAt  7 limit ('' for none)
-- Answers: gateClosed <gate key found> | put | moved (the product changed meanwhile: nothing written)
local gate = redis.call('GET', KEYS[1]) or ''
if gate ~= ARGV[1] then return { 'gateClosed', gate } end
local changes = redis.call('HGET', KEYS[2], 'changes')
if ARGV[2] ~= '' and (changes or 'none') ~= ARGV[2] then return { 'moved' } end
if not changes then redis.call('HSET', KEYS[2], 'available', 0, 'rises', 0, 'applied', 0) end
redis.call('HSET', KEYS[2], 'name', ARGV[3], 'price', ARGV[4], 'opensAt', ARGV[5], 'closesAt', ARGV[6], 'limit', ARGV[7])
redis.call('HINCRBY', KEYS[2], 'changes', 1)
return { 'put' }
