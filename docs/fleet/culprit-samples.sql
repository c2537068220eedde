-- All that ran on the CPUs of one culprit's stalls, sample by sample. It needs the tables of
-- `stallgraph export --samples`.
with parameters as (
  select 'node_exporter lseek' as chosen
),
chosen_stalls as (
  select node, recording, cpu, start_ns, start_ns + duration_ns as end_ns
  from stalls
  where confidence <> 'low'
    and culprit = (select chosen from parameters)
),
-- Stalls of one CPU do not overlap, so no sample is counted twice.
chosen_samples as (
  select x.node as node, x.recording as recording, x.stack as stack, x.comm as comm,
    x.held_ns as held_ns
  from samples x
  join chosen_stalls s on x.node = s.node and x.recording = s.recording and x.cpu = s.cpu
  where x.time_ns >= s.start_ns and x.time_ns < s.end_ns
)
select
  x.comm as comm,
  f.folded as stack,
  count(*) as samples,
  sum(x.held_ns) as held_ns,
  count(distinct x.node) as nodes
from chosen_samples x
join folded_stacks f on x.node = f.node and x.recording = f.recording and x.stack = f.stack
group by x.comm, f.folded
order by samples desc, comm, stack;
