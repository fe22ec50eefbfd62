#!lua name=bespoke
-- Compare-and-set of fields whose values begin with their version (4 bytes, big endian). All keys of a call have the
-- same hash tag, so that everything also runs on a cluster.

local function version(value)
  if not value then return 0 end
  return struct.unpack('>I4', value)
end

-- KEYS[1] hash; ARGV stream, version that must be there, new value ('' takes the field away) → false, or {moved to or '', version found}
local function put(keys, args)
  local moved = redis.call('HGET', keys[1], 'moved')
  if moved then return {moved, 0} end
  local found = version(redis.call('HGET', keys[1], args[1]))
  if found ~= tonumber(args[2]) then return {'', found} end
  if args[3] == '' then redis.call('HDEL', keys[1], args[1]) else redis.call('HSET', keys[1], args[1], args[3]) end
  return false
end

-- KEYS[1] hash; ARGV whether the stream that it is named after is erased ('1'), erased streams … → how many fields went.
-- A marker of an erased stream goes too, as nobody is left whom it could lead to.
local function forget(keys, args)
  local gone = 0
  for i = 2, #args do gone = gone + redis.call('HDEL', keys[1], args[i]) end
  if args[1] == '1' then redis.call('HDEL', keys[1], 'moved') end
  return gone
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

-- KEYS catalogue, its changes, its position, its shape; ARGV position that must be there, new position, shape, (stream,
-- position of its last event, value) … → the position that is there now: the new one, or another one where nothing was
-- changed
local function shelve(keys, args)
  local at = tonumber(redis.call('GET', keys[3]) or 0)
  if at ~= tonumber(args[1]) then return at end
  for i = 4, #args, 3 do
    redis.call('HSET', keys[1], args[i], args[i + 2])
    redis.call('ZADD', keys[2], args[i + 1], args[i])
  end
  redis.call('SET', keys[3], args[2])
  redis.call('SET', keys[4], args[3])
  return tonumber(args[2])
end

-- KEYS[1] bucket; ARGV tokens a second, how many it holds, how many are wanted → {granted, left, ms until there is one}
local function take(keys, args)
  local rate, most, wanted = tonumber(args[1]), tonumber(args[2]), tonumber(args[3])
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
  local found = redis.call('HMGET', keys[1], 'tokens', 'at')
  local tokens, at = tonumber(found[1] or most), tonumber(found[2] or now)
  tokens = math.min(most, tokens + math.max(0, now - at) * rate / 1000000)
  local granted = math.min(wanted, math.floor(tokens))
  tokens = tokens - granted
  redis.call('HSET', keys[1], 'tokens', string.format('%.6f', tokens), 'at', string.format('%.0f', now))
  redis.call('PEXPIRE', keys[1], math.ceil((most - tokens) / rate * 1000) + 1000)
  local wait = 0
  if tokens < 1 then wait = math.ceil((1 - tokens) / rate * 1000) end
  return {granted, math.floor(tokens), wait}
end

redis.register_function('bespoke_take', take)
redis.register_function('bespoke_put', put)
redis.register_function('bespoke_forget', forget)
redis.register_function('bespoke_hold', hold)
redis.register_function('bespoke_release', release)
redis.register_function('bespoke_change', change)
redis.register_function('bespoke_shelve', shelve)
