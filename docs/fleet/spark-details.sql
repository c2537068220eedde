-- The other tables as views, after spark.sql. A table of which no recording has rows has no folder:
-- leave it out.

create or replace temporary view culprits (
  recording string, rank int, time timestamp, culprit string, holder string, comm string, pid int,
  tid int, softirq string, irq int, interrupt string, interrupted string, owner string,
  syscall string, function string, path string, cgroup string, pod_uid string, container_id string,
  known string, certainty string, stalls bigint, sure bigint, total_ns bigint, longest_ns bigint,
  every_ns bigint, cpus string, lift double, p_value double, date date, node string
) using parquet options (path 'fleet/culprits');

create or replace temporary view evidence (
  recording string, stall int, time timestamp, start_ns bigint, duration_ns bigint, kind string,
  softirq string, samples bigint, p_value double, packets bigint, date date, node string
) using parquet options (path 'fleet/evidence');

create or replace temporary view victims (
  recording string, stall int, time timestamp, victim string, softirq string, comm string, pid int,
  tid int, waited_ns bigint, date date, node string
) using parquet options (path 'fleet/victims');

create or replace temporary view windows (
  recording string, episode int, time timestamp, start_ns bigint, duration_ns bigint,
  window_ns bigint, cpu int, trigger string, trigger_samples bigint, softirqs string,
  samples bigint, idle_samples bigint, interrupt_samples bigint, lost bigint, culprit string,
  holder string, comm string, pid int, tid int, softirq string, irq int, interrupt string,
  interrupted string, owner string, syscall string, function string, path string, cgroup string,
  pod_uid string, container_id string, known string, certainty string, path_samples bigint,
  share double, held_ns bigint, verdict string, date date, node string
) using parquet options (path 'fleet/windows');
