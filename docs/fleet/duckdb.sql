-- The tables of the folder `fleet` as views, for DuckDB 1.1 and later:
--
--   duckdb -init duckdb.sql -f top-culprits.sql
--
-- For another folder, or a bucket: sed 's|fleet/|s3://bucket/|' duckdb.sql
-- Files of other versions of stallgraph may lack columns or have more, hence union_by_name.

-- Hours and days are those of UTC.
set timezone = 'UTC';

create or replace view recordings as select * from
  read_parquet('fleet/recordings/**/*.parquet', hive_partitioning = true, union_by_name = true);
create or replace view stalls as select * from
  read_parquet('fleet/stalls/**/*.parquet', hive_partitioning = true, union_by_name = true);

-- The minutes in which a node was recorded for whatever came: not only because of a stall.
create or replace view minutes as
select distinct node, kernel, unnest(
  generate_series(date_trunc('minute', time), end_time, interval 1 minute)) as minute
from recordings
where kept = 'always' and time is not null;
