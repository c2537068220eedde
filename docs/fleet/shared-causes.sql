-- Seconds in which many nodes stalled at once: there may be a cause that they share, such as a
-- batch job, or a storage that all of them use.
with parameters as (
  select 3 as least_nodes
),
per_culprit as (
  select
    date_trunc('second', time) as second,
    culprit,
    count(distinct node) as nodes,
    count(*) as stalls
  from stalls
  where confidence <> 'low' and time is not null
  group by date_trunc('second', time), culprit
),
ranked as (
  select second, culprit, nodes,
    row_number() over (partition by second order by nodes desc, stalls desc, culprit) as place
  from per_culprit
),
per_second as (
  select
    date_trunc('second', time) as second,
    count(distinct node) as nodes,
    count(*) as stalls,
    sum(duration_ns) as stalled_ns
  from stalls
  where confidence <> 'low' and time is not null
  group by date_trunc('second', time)
)
select
  s.second as second,
  s.nodes as nodes,
  s.stalls as stalls,
  s.stalled_ns as stalled_ns,
  r.culprit as top_culprit,
  r.nodes as top_culprit_nodes
from per_second s
join ranked r on s.second = r.second and r.place = 1
where s.nodes >= (select least_nodes from parameters)
order by nodes desc, second;
