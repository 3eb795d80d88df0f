/**
 * One decision, as in meter.ts. Numbers of Lua are doubles, exact up to 2^53 as microseconds since 1970 are;
 * they are written with %.0f because tostring would round them.
 * KEYS[1]; ARGV: cost, burst (-1 none), interval, limits of minute, hour and day (-1 none), time ('' for Redis' own)
 * Replies: taken, now, burst back, then end and uses of each window.
 */
export const TAKE_SCRIPT = `
local lengths = { 60000000, 3600000000, 86400000000 }
local cost, burst, interval = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local now = tonumber(ARGV[7])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end
local kept = redis.call('HMGET', KEYS[1], 'b', 'i', 'e1', 'u1', 'e2', 'u2', 'e3', 'u3')
local function at(index) return tonumber(kept[index] or '0') or 0 end

local owed = math.max(0, at(1) - now)
local before = at(2)
if before ~= interval and before ~= 0 then owed = math.floor(owed * interval / before) end
local after = owed + cost * interval
local taken = burst < 0 or after <= burst * interval
local ends, used, limits = {}, {}, {}
for w = 1, 3 do
  limits[w] = tonumber(ARGV[3 + w])
  ends[w], used[w] = at(1 + 2 * w), at(2 + 2 * w)
  if ends[w] <= now then ends[w], used[w] = 0, 0 end
  if limits[w] >= 0 and used[w] + cost > limits[w] then taken = false end
end
local back = now + owed
if taken then
  back = now + after
  for w = 1, 3 do
    if limits[w] >= 0 and cost > 0 then
      if ends[w] == 0 then ends[w] = now + lengths[w] end
      used[w] = used[w] + cost
    end
  end
end

local last = math.max(back, ends[1], ends[2], ends[3])
if last > now then
  local function text(n) return string.format('%.0f', n) end
  redis.call('HSET', KEYS[1], 'b', text(back), 'i', text(interval), 'e1', text(ends[1]), 'u1', text(used[1]),
    'e2', text(ends[2]), 'u2', text(used[2]), 'e3', text(ends[3]), 'u3', text(used[3]))
  redis.call('PEXPIRE', KEYS[1], text(math.ceil((last - now) / 1000)))
else
  redis.call('DEL', KEYS[1])
end
return { taken and 1 or 0, now, back, ends[1], used[1], ends[2], used[2], ends[3], used[3] }
`;
