-- The tables of `export --samples` as views, after duckdb.sql.
create or replace view samples as select * from
  read_parquet('fleet/samples/**/*.parquet', hive_partitioning = true, union_by_name = true);
create or replace view stacks as select * from
  read_parquet('fleet/stacks/**/*.parquet', hive_partitioning = true, union_by_name = true);
create or replace view frames as select * from
  read_parquet('fleet/frames/**/*.parquet', hive_partitioning = true, union_by_name = true);

-- Each stack on one line, the outermost function first.
create or replace view folded_stacks as
select node, recording, stack, string_agg(function, ';' order by depth) as folded
from stacks join frames using (node, recording, frame)
group by node, recording, stack;
