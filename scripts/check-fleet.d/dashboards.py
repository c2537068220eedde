"""The queries of the ClickHouse dashboard, with Grafana's macros replaced as its data source does."""

import datetime
import json
import re

import engines

UTC = datetime.timezone.utc


def replaced(sql, begin, end, nodes):
    """The query that Grafana sends: the plugin's macros are in its pkg/macros/macros.go."""
    begin, end = (f"toDateTime({int(moment.timestamp())})" for moment in (begin, end))
    sql = re.sub(r"\$__timeFilter\((\w+)\)", rf"\1 >= {begin} AND \1 <= {end}", sql)
    sql = re.sub(r"\$__timeInterval\((\w+)\)", r"toStartOfInterval(toDateTime(\1), INTERVAL 3600 second)", sql)
    sql = sql.replace("${node:singlequote}", ",".join(f"'{node}'" for node in nodes))
    assert "$" not in sql, sql
    return sql


def check(used):
    """Each query of the dashboard gives rows."""
    clickhouse = next(engine for engine in used if engine.name == "ClickHouse")
    dashboard = json.loads((engines.DOCUMENTS / "grafana-clickhouse.json").read_text())
    begin, end = datetime.datetime(2026, 3, 1, tzinfo=UTC), datetime.datetime(2026, 3, 11, tzinfo=UTC)
    asked = [variable["query"]["rawSql"] for variable in dashboard["templating"]["list"] if variable["type"] == "query"]
    nodes = [row[0] for row in clickhouse.run(asked[0])[1]]
    asked += [target["rawSql"] for panel in dashboard["panels"] for target in panel["targets"]]
    for sql in asked:
        _, rows = clickhouse.run(replaced(sql, begin, end, nodes))
        assert rows and any(rows[0]), f"{sql}: {rows}"
    print(f"{len(asked)} queries of grafana-clickhouse.json work")
