#!lua name=bespoke
-- Compare-and-set of fields whose values begin with their version (4 bytes, big endian). All keys of a call have the
-- same hash tag, so that everything also runs on a cluster.

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

-- KEYS[1] holder; ARGV token, the holder that must be there or '', how long in ms → 1, or 0 where another one holds
local function hold(keys, args)
  if (redis.call('GET', keys[1]) or '') ~= args[2] then return 0 end
  redis.call('SET', keys[1], args[1], 'PX', args[3])
  return 1
end

-- KEYS[1] holder; ARGV token → 1, or 0 where it does not hold
local function release(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then return 0 end
  return redis.call('DEL', keys[1])
end

-- Whether nothing in the hash has grown beyond what may go (from ARGV[at] on: stream, version, …); when ``all``, also
-- whether nothing else is there.
local function may_go(hash, args, at, all)
  local known = {}
  for i = at, #args, 2 do
    if version(redis.call('HGET', hash, args[i])) > tonumber(args[i + 1]) then return false end
    known[args[i]] = true
  end
  if all then
    for _, field in ipairs(redis.call('HKEYS', hash)) do
      if field ~= 'moved' and not known[field] then return false end
    end
  end
  return true
end

-- KEYS hash, holder; ARGV token, moved to or '', how many fields to put, (stream, value) …, and (stream, version) … of
-- those that go → 1, or 0 where nothing was changed: another one holds the hash, or it has grown
local function change(keys, args)
  if redis.call('GET', keys[2]) ~= args[1] then return 0 end
  local drops = 4 + 2 * tonumber(args[3])
  if not may_go(keys[1], args, drops, args[2] ~= '') then return 0 end
  if args[2] ~= '' then
    redis.call('DEL', keys[1])
    redis.call('HSET', keys[1], 'moved', args[2])
    return 1
  end
  if drops > 4 then redis.call('HDEL', keys[1], 'moved') end
  for i = 4, drops - 1, 2 do
    local found = redis.call('HGET', keys[1], args[i])
    if version(found) < version(args[i + 1]) then redis.call('HSET', keys[1], args[i], args[i + 1]) end
  end
  for i = drops, #args, 2 do redis.call('HDEL', keys[1], args[i]) end
  return 1
end

redis.register_function('bespoke_put', put)
redis.register_function('bespoke_hold', hold)
redis.register_function('bespoke_release', release)
redis.register_function('bespoke_change', change)
