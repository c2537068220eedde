-- What one culprit did in its stalls, in folded stacks that flamegraph.pl and inferno read.
with parameters as (
  select 'node_exporter lseek' as chosen
)
select
  path,
  count(distinct node) as nodes,
  count(*) as stalls,
  sum(duration_ns) as stalled_ns,
  max(duration_ns) as longest_ns
from stalls
where confidence <> 'low'
  and path is not null
  and culprit = (select chosen from parameters)
group by path
order by stalled_ns desc, path;
