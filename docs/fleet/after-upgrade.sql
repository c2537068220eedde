-- Nodes that stall more often since their kernel was changed.
--
-- The newest kernel of a node is compared with all that it had before. Recordings that were kept
-- because of a stall tell no rate, so only the others count.
with parameters as (
  -- How many times as many stalls per hour as before, and at least how many stalls since.
  select 2.0 as least_factor, 3 as least_stalls
),
observed as (
  select node, recording, kernel, time, duration_ns,
    row_number() over (partition by node order by time desc, recording desc) as age
  from recordings
  where kept = 'always' and time is not null and kernel is not null
),
newest as (
  select node, kernel as newest_kernel from observed where age = 1
),
counted as (
  select node, recording, count(*) as stalls
  from stalls
  where confidence <> 'low'
  group by node, recording
),
-- Both in one list, so that recordings without a stall count too.
facts as (
  select node, recording, duration_ns, 0 as stalls from observed
  union all
  select node, recording, 0 as duration_ns, stalls from counted
),
per_recording as (
  select node, recording, sum(duration_ns) as observed_ns, sum(stalls) as stalls
  from facts
  group by node, recording
),
per_node as (
  select
    o.node as node,
    n.newest_kernel as newest_kernel,
    max(case when o.kernel <> n.newest_kernel then o.kernel end) as former_kernel,
    min(case when o.kernel = n.newest_kernel then o.time end) as since_time,
    sum(case when o.kernel = n.newest_kernel then 0 else p.observed_ns end) as before_ns,
    sum(case when o.kernel = n.newest_kernel then p.observed_ns else 0 end) as after_ns,
    sum(case when o.kernel = n.newest_kernel then 0 else p.stalls end) as stalls_before,
    sum(case when o.kernel = n.newest_kernel then p.stalls else 0 end) as stalls_after
  from observed o
  join newest n on o.node = n.node
  join per_recording p on o.node = p.node and o.recording = p.recording
  group by o.node, n.newest_kernel
)
select
  node,
  former_kernel,
  newest_kernel,
  since_time,
  stalls_before,
  stalls_after,
  stalls_before * 3.6e12 / before_ns as before_per_hour,
  stalls_after * 3.6e12 / after_ns as after_per_hour
from per_node
where before_ns > 0
  and stalls_after >= (select least_stalls from parameters)
  and stalls_after * 1.0e0 * before_ns
    >= (select least_factor from parameters) * stalls_before * after_ns
order by after_per_hour desc, node;
