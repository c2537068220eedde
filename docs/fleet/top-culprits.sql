-- Who stalled the most nodes in the last 24 hours.
with period as (
  -- Of recordings that are older, up to the newest stall:
  -- select max(time) - interval 24 hour as start_time from stalls
  select now() - interval 24 hour as start_time
)
select
  culprit,
  count(distinct node) as nodes,
  count(*) as stalls,
  sum(duration_ns) as stalled_ns,
  max(duration_ns) as longest_ns,
  min(time) as first_time,
  max(time) as last_time
from stalls
where confidence <> 'low'
  and time > (select start_time from period)
group by culprit
order by nodes desc, stalled_ns desc, culprit;
