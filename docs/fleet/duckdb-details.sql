-- The other tables as views, after duckdb.sql. A table of which no recording has rows has no files:
-- leave it out.

create or replace view culprits as select * from
  read_parquet('fleet/culprits/**/*.parquet', hive_partitioning = true, union_by_name = true);
create or replace view evidence as select * from
  read_parquet('fleet/evidence/**/*.parquet', hive_partitioning = true, union_by_name = true);
create or replace view victims as select * from
  read_parquet('fleet/victims/**/*.parquet', hive_partitioning = true, union_by_name = true);
create or replace view windows as select * from
  read_parquet('fleet/windows/**/*.parquet', hive_partitioning = true, union_by_name = true);
