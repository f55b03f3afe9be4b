/**
 * The one script that Redis runs: every lease is one round trip, atomic.
 *
 * A counter is one hash. What counts in its window stands under `<end of bucket>:<process>`, what is held while calls
 * run under `h:<process>:<connection>`. So each process has a share of its own, which it can put right by writing it
 * anew (`seed`), and what a dead process held is found out: its connection was silent for too long. The use of a call
 * that died with its process is not known: it counts in full from then on.
 *
 * A connection that was replaced or found dead is fenced off (-1): what is still on its way on it has no effect.
 *
 * KEYS: clock, heartbeats, then one for each counter.
 * ARGV: operation, time or '' for Redis' own, process, connection, milliseconds after which silence is death, then for
 * each counter:
 *   lease   unit counts at start (s), while held (h) or at the end (e) · limit · window · bucket width · amount
 *   change  window · difference held · difference counted · end of its bucket
 *   seed    window · held · counted as `end,count;…`
 * Answers: {1, time}; {0, time, index of the counter, milliseconds to wait or -1 for ever}; {-1, time}.
 */
export const quotaScript = `
local clockKey, beatsKey = KEYS[1], KEYS[2]
local op, given, process, connection = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local deadAfter = tonumber(ARGV[5])
local firstArg = 6

local function whole(number) return string.format('%.0f', number) end

local now = tonumber(given)
if now == nil then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
now = math.max(now, tonumber(redis.call('GET', clockKey) or '0'))
redis.call('SET', clockKey, whole(now))

local me = process .. ':' .. connection
local own = process .. ':'
if op == 'open' then
  for _, member in ipairs(redis.call('ZRANGE', beatsKey, 0, -1)) do
    if string.sub(member, 1, #own) == own then redis.call('ZREM', beatsKey, member) end
  end
  redis.call('ZADD', beatsKey, whole(now), me)
  return {1, whole(now)}
end
-- Its own connection only: the next process of this name may be there already.
if op == 'close' then
  redis.call('ZREM', beatsKey, me)
  return {1, whole(now)}
end

if not redis.call('ZSCORE', beatsKey, me) then return {-1, whole(now)} end
redis.call('ZADD', beatsKey, whole(now), me)
if op == 'beat' then return {1, whole(now)} end

-- Whoever finds a process dead takes its heartbeat away: should it live after all, it has to begin anew.
local function isAlive(member)
  local seen = redis.call('ZSCORE', beatsKey, member)
  if not seen then return false end
  if tonumber(seen) > now - deadAfter then return true end
  redis.call('ZREM', beatsKey, member)
  return false
end

-- What only counts goes soon after its window; what a call holds stays for as long as a call can run: 25 days are
-- longer than any timer of Node.
local function keep(key, window)
  local kept = 60000
  for _, field in ipairs(redis.call('HKEYS', key)) do
    if string.sub(field, 1, 2) == 'h:' then kept = 2160000000 end
  end
  redis.call('PEXPIRE', key, whole(window + kept))
end

local function add(key, field, amount)
  if amount == 0 then return end
  if redis.call('HINCRBY', key, field, whole(amount)) <= 0 then redis.call('HDEL', key, field) end
end

if op == 'change' then
  for index = 3, #KEYS do
    local at = firstArg + (index - 3) * 4
    local key, window = KEYS[index], tonumber(ARGV[at])
    add(key, 'h:' .. me, tonumber(ARGV[at + 1]))
    add(key, ARGV[at + 3] .. ':' .. process, tonumber(ARGV[at + 2]))
    keep(key, window)
  end
  return {1, whole(now)}
end

if op == 'seed' then
  for index = 3, #KEYS do
    local at = firstArg + (index - 3) * 3
    local key, window = KEYS[index], tonumber(ARGV[at])
    for _, field in ipairs(redis.call('HKEYS', key)) do
      local isOwn = string.sub(field, 1, #own + 2) == 'h:' .. own or string.match(field, '^%d+:(.+)$') == process
      if isOwn then redis.call('HDEL', key, field) end
    end
    add(key, 'h:' .. me, tonumber(ARGV[at + 1]))
    for finish, count in string.gmatch(ARGV[at + 2], '(%d+),(%d+)') do
      add(key, finish .. ':' .. process, tonumber(count))
    end
    keep(key, window)
  end
  return {1, whole(now)}
end

local function endOf(width) return (math.floor(now / width) + 1) * width end

-- What counts in a counter now; what no longer does is dropped on the way.
local function read(key, window, width)
  local held, counted, buckets = 0, 0, {}
  local function count(finish, amount)
    counted = counted + amount
    buckets[#buckets + 1] = {finish, amount}
  end
  local all = redis.call('HGETALL', key)
  for position = 1, #all, 2 do
    local field, amount = all[position], tonumber(all[position + 1])
    local holder = string.match(field, '^h:(.+)$')
    if holder == nil then
      local finish = tonumber(string.match(field, '^(%d+):'))
      if finish > now - window then count(finish, amount) else redis.call('HDEL', key, field) end
    elseif isAlive(holder) then
      held = held + amount
    else
      redis.call('HDEL', key, field)
      if window > 0 then
        add(key, whole(endOf(width)) .. ':' .. string.match(holder, '^([^:]+)'), amount)
        count(endOf(width), amount)
      end
    end
  end
  return held, counted, buckets
end

local function waitFor(room, held, counted, buckets, window)
  if room < 0 then return held > 0 and 0 or -1 end
  table.sort(buckets, function(a, b) return a[1] < b[1] end)
  for _, bucket in ipairs(buckets) do
    counted = counted - bucket[2]
    if counted <= room then return math.max(1, bucket[1] + window - now) end
  end
  return 1
end

for index = 3, #KEYS do
  local at = firstArg + (index - 3) * 5
  local limit, window, width, amount =
    tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local held, counted, buckets = read(KEYS[index], window, width)
  local room = limit - held - amount
  if room < 0 or counted > room then
    return {0, whole(now), index - 3, whole(waitFor(room, held, counted, buckets, window))}
  end
end
for index = 3, #KEYS do
  local at = firstArg + (index - 3) * 5
  local key, window, width, amount =
    KEYS[index], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local field = ARGV[at] == 's' and whole(endOf(width)) .. ':' .. process or 'h:' .. me
  add(key, field, amount)
  keep(key, window)
end
return {1, whole(now)}
`;
