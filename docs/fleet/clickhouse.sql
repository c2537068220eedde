-- The tables of the folder `fleet` as views, for ClickHouse 24.8 and later:
--
--   cat clickhouse.sql top-culprits.sql | clickhouse local
--
-- A server looks for `fleet` in its user_files_path. For another folder:
-- sed "s|'fleet/|'other/|" clickhouse.sql
-- ClickHouse would take the columns of one file, and guess the types of date and node by one
-- folder. So they stand here: columns that a file lacks are NULL. Files that `compact` made have
-- the node in a column, and old servers read neither from the path, so the views do.

create or replace view recordings as
select * except (date, node),
  toDate(coalesce(date, extract(cast(_path as String), '/date=([^/]+)/'))) as date,
  coalesce(node, extract(cast(_path as String), '/node=([^/]+)/')) as node
from file('fleet/recordings/**/*.parquet', 'Parquet', '
  recording Nullable(String), time Nullable(DateTime64(6, ''UTC'')),
  end_time Nullable(DateTime64(6, ''UTC'')), start_ns Nullable(Int64), duration_ns Nullable(Int64),
  clock Nullable(String), host Nullable(String), cluster Nullable(String),
  labels Map(String, Nullable(String)), file Nullable(String), kernel Nullable(String),
  arch Nullable(String), perf Nullable(String), program Nullable(String), cpus Nullable(Int32),
  cpus_online Nullable(Int32), samples Nullable(Int64), events Nullable(Int64),
  lost Nullable(Int64), event Nullable(String), frequency_hz Nullable(Int64),
  evidence Nullable(String), shortest_ns Nullable(Int64), min_ns Nullable(Int64),
  status Nullable(String), doubt Nullable(String), kept Nullable(String),
  is_damaged Nullable(Bool), has_names Nullable(Bool), overloads Nullable(Int32),
  date Nullable(String), node Nullable(String)');

create or replace view stalls as
select * except (date, node),
  toDate(coalesce(date, extract(cast(_path as String), '/date=([^/]+)/'))) as date,
  coalesce(node, extract(cast(_path as String), '/node=([^/]+)/')) as node
from file('fleet/stalls/**/*.parquet', 'Parquet', '
  recording Nullable(String), stall Nullable(Int32), time Nullable(DateTime64(6, ''UTC'')),
  start_ns Nullable(Int64), duration_ns Nullable(Int64), cpu Nullable(Int32),
  confidence Nullable(String), lost Nullable(Int64), culprit Nullable(String),
  holder Nullable(String), comm Nullable(String), pid Nullable(Int32), tid Nullable(Int32),
  softirq Nullable(String), irq Nullable(Int32), interrupt Nullable(String),
  interrupted Nullable(String), owner Nullable(String), syscall Nullable(String),
  function Nullable(String), path Nullable(String), cgroup Nullable(String),
  pod_uid Nullable(String), container_id Nullable(String), known Nullable(String),
  certainty Nullable(String), samples Nullable(Int64), share Nullable(Float64),
  call_ns Nullable(Int64), waited_ns Nullable(Int64), packets Nullable(Int64),
  date Nullable(String), node Nullable(String)');

create or replace view culprits as
select * except (date, node),
  toDate(coalesce(date, extract(cast(_path as String), '/date=([^/]+)/'))) as date,
  coalesce(node, extract(cast(_path as String), '/node=([^/]+)/')) as node
from file('fleet/culprits/**/*.parquet', 'Parquet', '
  recording Nullable(String), rank Nullable(Int32), time Nullable(DateTime64(6, ''UTC'')),
  culprit Nullable(String), holder Nullable(String), comm Nullable(String), pid Nullable(Int32),
  tid Nullable(Int32), softirq Nullable(String), irq Nullable(Int32), interrupt Nullable(String),
  interrupted Nullable(String), owner Nullable(String), syscall Nullable(String),
  function Nullable(String), path Nullable(String), cgroup Nullable(String),
  pod_uid Nullable(String), container_id Nullable(String), known Nullable(String),
  certainty Nullable(String), stalls Nullable(Int64), sure Nullable(Int64),
  total_ns Nullable(Int64), longest_ns Nullable(Int64), every_ns Nullable(Int64),
  cpus Nullable(String), lift Nullable(Float64), p_value Nullable(Float64), date Nullable(String),
  node Nullable(String)');

create or replace view evidence as
select * except (date, node),
  toDate(coalesce(date, extract(cast(_path as String), '/date=([^/]+)/'))) as date,
  coalesce(node, extract(cast(_path as String), '/node=([^/]+)/')) as node
from file('fleet/evidence/**/*.parquet', 'Parquet', '
  recording Nullable(String), stall Nullable(Int32), time Nullable(DateTime64(6, ''UTC'')),
  start_ns Nullable(Int64), duration_ns Nullable(Int64), kind Nullable(String),
  softirq Nullable(String), samples Nullable(Int64), p_value Nullable(Float64),
  packets Nullable(Int64), date Nullable(String), node Nullable(String)');

create or replace view victims as
select * except (date, node),
  toDate(coalesce(date, extract(cast(_path as String), '/date=([^/]+)/'))) as date,
  coalesce(node, extract(cast(_path as String), '/node=([^/]+)/')) as node
from file('fleet/victims/**/*.parquet', 'Parquet', '
  recording Nullable(String), stall Nullable(Int32), time Nullable(DateTime64(6, ''UTC'')),
  victim Nullable(String), softirq Nullable(String), comm Nullable(String), pid Nullable(Int32),
  tid Nullable(Int32), waited_ns Nullable(Int64), date Nullable(String), node Nullable(String)');

create or replace view windows as
select * except (date, node),
  toDate(coalesce(date, extract(cast(_path as String), '/date=([^/]+)/'))) as date,
  coalesce(node, extract(cast(_path as String), '/node=([^/]+)/')) as node
from file('fleet/windows/**/*.parquet', 'Parquet', '
  recording Nullable(String), episode Nullable(Int32), time Nullable(DateTime64(6, ''UTC'')),
  start_ns Nullable(Int64), duration_ns Nullable(Int64), window_ns Nullable(Int64),
  cpu Nullable(Int32), trigger Nullable(String), trigger_samples Nullable(Int64),
  softirqs Nullable(String), samples Nullable(Int64), idle_samples Nullable(Int64),
  interrupt_samples Nullable(Int64), lost Nullable(Int64), culprit Nullable(String),
  holder Nullable(String), comm Nullable(String), pid Nullable(Int32), tid Nullable(Int32),
  softirq Nullable(String), irq Nullable(Int32), interrupt Nullable(String),
  interrupted Nullable(String), owner Nullable(String), syscall Nullable(String),
  function Nullable(String), path Nullable(String), cgroup Nullable(String),
  pod_uid Nullable(String), container_id Nullable(String), known Nullable(String),
  certainty Nullable(String), path_samples Nullable(Int64), share Nullable(Float64),
  held_ns Nullable(Int64), verdict Nullable(String), date Nullable(String), node Nullable(String)');

create or replace view samples as
select * except (date, node),
  toDate(coalesce(date, extract(cast(_path as String), '/date=([^/]+)/'))) as date,
  coalesce(node, extract(cast(_path as String), '/node=([^/]+)/')) as node
from file('fleet/samples/**/*.parquet', 'Parquet', '
  recording Nullable(String), time Nullable(DateTime64(6, ''UTC'')), time_ns Nullable(Int64),
  cpu Nullable(Int32), comm Nullable(String), pid Nullable(Int32), tid Nullable(Int32),
  stack Nullable(Int32), held_ns Nullable(Int64), cgroup Nullable(String), date Nullable(String),
  node Nullable(String)');

create or replace view stacks as
select * except (date, node),
  toDate(coalesce(date, extract(cast(_path as String), '/date=([^/]+)/'))) as date,
  coalesce(node, extract(cast(_path as String), '/node=([^/]+)/')) as node
from file('fleet/stacks/**/*.parquet', 'Parquet', '
  recording Nullable(String), time Nullable(DateTime64(6, ''UTC'')), stack Nullable(Int32),
  depth Nullable(Int32), frame Nullable(Int32), date Nullable(String), node Nullable(String)');

create or replace view frames as
select * except (date, node),
  toDate(coalesce(date, extract(cast(_path as String), '/date=([^/]+)/'))) as date,
  coalesce(node, extract(cast(_path as String), '/node=([^/]+)/')) as node
from file('fleet/frames/**/*.parquet', 'Parquet', '
  recording Nullable(String), time Nullable(DateTime64(6, ''UTC'')), frame Nullable(Int32),
  function Nullable(String), module Nullable(String), mode Nullable(String), date Nullable(String),
  node Nullable(String)');

-- The minutes in which a node was recorded for whatever came: not only because of a stall.
create or replace view minutes as
select distinct node, kernel, toDateTime(arrayJoin(range(
  toUInt32(toUnixTimestamp(date_trunc('minute', assumeNotNull(time)))),
  toUInt32(toUnixTimestamp(assumeNotNull(end_time))) + 1, 60)), 'UTC') as minute
from recordings
where kept = 'always' and time is not null;

-- Each stack on one line, the outermost function first.
create or replace view folded_stacks as
select node, recording, stack,
  arrayStringConcat(arrayMap(x -> x.2, arraySort(groupArray((depth, function)))), ';') as folded
from stacks join frames using (node, recording, frame)
group by node, recording, stack;
