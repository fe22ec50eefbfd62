#!lua name=bespoke
-- Compare-and-set of fields whose values begin with their version (4 bytes, big endian). One key a call, so that
-- everything also runs on a cluster.

local function version(value)
  if not value then return 0 end
  return struct.unpack('>I4', value)
end

-- KEYS[1] hash; ARGV stream, version that must be there, new value → false, or {moved to or '', version found}
local function put(keys, args)
  local moved = redis.call('HGET', keys[1], 'moved')
  if moved then return {moved, 0} end
  local found = version(redis.call('HGET', keys[1], args[1]))
  if found ~= tonumber(args[2]) then return {'', found} end
  redis.call('HSET', keys[1], args[1], args[3])
  return false
end

-- KEYS[1] hash; ARGV stream, value, stream, value … : the hash holds exactly these, each in its latest version
local function place(keys, args)
  local wanted = {}
  for i = 1, #args, 2 do
    local found = redis.call('HGET', keys[1], args[i])
    if version(found) < version(args[i + 1]) then redis.call('HSET', keys[1], args[i], args[i + 1]) end
    wanted[args[i]] = true
  end
  for _, field in ipairs(redis.call('HKEYS', keys[1])) do
    if not wanted[field] then redis.call('HDEL', keys[1], field) end
  end
  return 1
end

-- KEYS[1] hash; ARGV person id: whoever looks here is sent there
local function leave(keys, args)
  redis.call('DEL', keys[1])
  redis.call('HSET', keys[1], 'moved', args[1])
  return 1
end

redis.register_function('bespoke_put', put)
redis.register_function('bespoke_place', place)
redis.register_function('bespoke_leave', leave)
