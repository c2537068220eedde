-- The tables of `export --samples` as views, after spark.sql.

create or replace temporary view samples (
  recording string, time timestamp, time_ns bigint, cpu int, comm string, pid int, tid int,
  stack int, held_ns bigint, cgroup string, date date, node string
) using parquet options (path 'fleet/samples');

create or replace temporary view stacks (
  recording string, time timestamp, stack int, depth int, frame int, date date, node string
) using parquet options (path 'fleet/stacks');

create or replace temporary view frames (
  recording string, time timestamp, frame int, function string, module string, mode string,
  date date, node string
) using parquet options (path 'fleet/frames');

-- Each stack on one line, the outermost function first.
create or replace temporary view folded_stacks as
select node, recording, stack,
  array_join(transform(array_sort(collect_list(struct(depth, function))), x -> x.function), ';')
    as folded
from stacks join frames using (node, recording, frame)
group by node, recording, stack;
