-- The tables of the folder `fleet` as views, for Spark SQL 3.5 and later:
--
--   spark-sql -i spark.sql -f top-culprits.sql
--
-- For another folder, or a bucket: sed "s|'fleet/|'s3a://bucket/|" spark.sql
-- Spark would open each file for its columns, so they stand here: columns that a file lacks are
-- NULL.

-- Hours and days are those of UTC.
set spark.sql.session.timeZone = UTC;

create or replace temporary view recordings (
  recording string, time timestamp, end_time timestamp, start_ns bigint, duration_ns bigint,
  clock string, host string, cluster string, labels map<string, string>, file string,
  kernel string, arch string, perf string, program string, cpus int, cpus_online int,
  samples bigint, events bigint, lost bigint, event string, frequency_hz bigint, evidence string,
  shortest_ns bigint, min_ns bigint, status string, doubt string, kept string, is_damaged boolean,
  has_names boolean, overloads int, date date, node string
) using parquet options (path 'fleet/recordings');

create or replace temporary view stalls (
  recording string, stall int, time timestamp, start_ns bigint, duration_ns bigint, cpu int,
  confidence string, lost bigint, culprit string, holder string, comm string, pid int, tid int,
  softirq string, irq int, interrupt string, interrupted string, owner string, syscall string,
  function string, path string, cgroup string, pod_uid string, container_id string, known string,
  certainty string, samples bigint, share double, call_ns bigint, waited_ns bigint, packets bigint,
  date date, node string
) using parquet options (path 'fleet/stalls');

-- The minutes in which a node was recorded for whatever came: not only because of a stall.
create or replace temporary view minutes as
select distinct node, kernel, explode(
  sequence(date_trunc('minute', time), end_time, interval 1 minute)) as minute
from recordings
where kept = 'always' and time is not null;
