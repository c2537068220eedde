-- The service level for whoever waits: the share of the recorded minutes that had no stall of more
-- than 100 ms, of each node and of all (node is NULL).
--
-- A minute counts if any part of it was recorded, for whatever came. A stall counts in the minute
-- in which it begins. A recording whose `shortest_ns` is longer, or NULL, may have missed some.
with parameters as (
  select 100000000 as longest_ns
),
facts as (
  select node, minute, 1 as recorded, 0 as stalled from minutes
  union all
  select node, date_trunc('minute', time) as minute, 0 as recorded, 1 as stalled
  from stalls
  where confidence <> 'low' and time is not null
    and duration_ns > (select longest_ns from parameters)
),
per_minute as (
  select node, minute, max(stalled) as stalled
  from facts
  group by node, minute
  having max(recorded) = 1
),
results as (
  select node, count(*) as recorded_minutes, sum(stalled) as stalled_minutes
  from per_minute
  group by node
  union all
  select null as node, count(*) as recorded_minutes, sum(stalled) as stalled_minutes
  from per_minute
)
select
  node,
  recorded_minutes,
  stalled_minutes,
  (recorded_minutes - stalled_minutes) * 1.0e0 / recorded_minutes as share_without_stall
from results
where recorded_minutes > 0
order by share_without_stall, case when node is null then 1 else 0 end, node;
