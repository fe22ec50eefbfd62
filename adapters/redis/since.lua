#!lua flags=no-writes
-- KEYS catalogue, its changes, its position; ARGV a position, how many records at most → {the catalogue's position, the
-- position up to which the records go, the records as one msgpack array}: what changed since, by its last change. Less
-- than the catalogue's position: there is more, to be asked for from there.
local at = redis.call('GET', KEYS[3]) or '0'
local most = tonumber(ARGV[2])
local found = redis.call('ZRANGE', KEYS[2], '(' .. ARGV[1], '+inf', 'BYSCORE', 'LIMIT', 0, most, 'WITHSCORES')
local streams = {}
for i = 1, #found, 2 do streams[#streams + 1] = found[i] end
local up_to = at
if #streams == most then up_to = found[#found] end
local packed = {}
if #streams > 0 then
  for _, value in ipairs(redis.call('HMGET', KEYS[1], unpack(streams))) do
    if value then packed[#packed + 1] = string.sub(value, 5) end
  end
end
return {at, up_to, struct.pack('>BI4', 0xdd, #packed) .. table.concat(packed)}
