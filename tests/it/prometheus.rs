//! The alerts of docs/prometheus and the dashboard for Prometheus ask for what is written, and
//! promtool takes them. Says that this is skipped where there is no promtool.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::time::Duration;

use regex::Regex;
use stallgraph::analyses::stalls::Confidence;
use stallgraph::render::report::prometheus::{Labels, watch::Counters};
use yaml_rust2::YamlLoader;

use crate::fleet_docs::{dashboard, queries};
use crate::support::fixture::{every_ms, recording};
use crate::support::hand_made::{culprit, stall};
use crate::support::sources::{read, root};
use crate::support::{Recording, run};

/// The names of the series on a page for Prometheus.
fn metrics(page: &str) -> BTreeSet<String> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line[..line.find(['{', ' ']).expect("a value")].to_owned()).collect()
}

/// What `check` and `watch` write.
fn written() -> BTreeSet<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut check = Recording::open("post").command("check");
    check.arg("--textfile").arg(folder.path()).output().expect("the program runs");
    let mut written = metrics(&read(&folder.path().join("stallgraph.prom")));
    let recording = recording(&every_ms(0, 0..1000, "agent", "work_[u]"));
    let stall = stall(0, 500, 700, Confidence::High, Some(culprit(&recording, "agent")));
    let mut counters = Counters::new(Labels::default());
    counters.add(&recording, &stall);
    written.extend(metrics(&counters.page(Duration::ZERO)));
    written
}

/// Each alert with its expression.
fn alerts() -> Vec<(String, String)> {
    let rules = read(&root().join("docs/prometheus/stallgraph.rules.yaml"));
    let rules = YamlLoader::load_from_str(&rules).expect("YAML").remove(0);
    let groups = rules["groups"].as_vec().expect("groups").iter();
    let rules = groups.flat_map(|group| group["rules"].as_vec().expect("rules"));
    let text = |yaml: &yaml_rust2::Yaml| yaml.as_str().expect("text").to_owned();
    rules.map(|rule| (text(&rule["alert"]), text(&rule["expr"]))).collect()
}

#[test]
fn alerts_and_dashboard_ask_for_what_is_written() {
    let written = written();
    let dashboard = dashboard("grafana-prometheus.json");
    let variables = dashboard["templating"]["list"].as_array().expect("variables").iter();
    let asked = variables.filter_map(|variable| variable["query"]["query"].as_str());
    let asked = asked.map(|query| ("a variable", query)).chain(queries(&dashboard, "expr"));
    let mut asked: Vec<(String, String)> =
        asked.map(|(title, query)| (title.to_owned(), query.to_owned())).collect();
    asked.extend(alerts());
    let name = Regex::new("stallgraph_[a-z_]+").expect("a pattern");
    let file = Regex::new("file=~\"[^\"]*\"").expect("a pattern");
    let mut used = BTreeSet::new();
    for (title, query) in &asked {
        for metric in name.find_iter(&file.replace_all(query, "")) {
            assert!(written.contains(metric.as_str()), "{title}: {} of {written:?}", metric.as_str());
            used.insert(metric.as_str().to_owned());
        }
    }
    assert!(used.len() > 20, "{used:?}");
}

/// Prometheus sees the first stall of a node as an increase only if the counter was there before.
#[test]
fn totals_are_there_before_the_first_stall() {
    let page = Counters::new(Labels::default()).page(Duration::ZERO);
    assert!(page.contains("\nstallgraph_watch_stalls_total 0\n"), "{page}");
    assert!(page.contains("\nstallgraph_watch_stalled_seconds_total 0\n"), "{page}");
    let recording = recording(&every_ms(0, 0..1000, "agent", "work_[u]"));
    let mut counters = Counters::new(Labels::default());
    counters.add(&recording, &stall(0, 500, 700, Confidence::High, None));
    counters.add(&recording, &stall(0, 800, 850, Confidence::High, Some(culprit(&recording, "agent"))));
    let page = counters.page(Duration::ZERO);
    assert!(page.contains("\nstallgraph_watch_stalls_total 2\n"), "{page}");
    assert!(page.contains("\nstallgraph_watch_stalled_seconds_total 0.25\n"), "{page}");
}

#[test]
fn the_page_lists_each_alert() {
    let page = read(&root().join("docs/prometheus/README.md"));
    let tests = read(&root().join("docs/prometheus/stallgraph.rules.test.yaml"));
    for (alert, _) in alerts() {
        assert!(page.contains(&format!("| `{alert}` |")), "{alert}");
        assert!(tests.matches(&alert).count() > 1, "{alert}: neither when it fires nor when it is silent");
    }
}

#[test]
fn promtool_takes_alerts_and_queries() {
    let promtool = |words: &[&str]| run(Command::new("promtool").args(words));
    if Command::new("promtool").arg("--version").output().is_err() {
        eprintln!("SKIPPED: the alerts are not tested, for want of promtool (Debian: prometheus)");
        return;
    }
    let path = |name: &str| root().join("docs/prometheus").join(name).display().to_string();
    let checked = promtool(&["check", "rules", "--lint=all", "--lint-fatal", &path("stallgraph.rules.yaml")]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let tested = promtool(&["test", "rules", &path("stallgraph.rules.test.yaml")]);
    assert_eq!(tested.code, Some(0), "{tested:?}");
    // The dashboard's queries as rules, which promtool parses.
    let dashboard = dashboard("grafana-prometheus.json");
    let rules = queries(&dashboard, "expr").into_iter().zip(1..);
    let rules = rules.map(|((_, query), number)| {
        let query = serde_json::to_string(&query.replace("$instance", ".*")).expect("JSON");
        format!("      - {{ record: 'panel:{number}', expr: {query} }}\n")
    });
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rules.yaml");
    let rules = format!("groups:\n  - name: dashboard\n    rules:\n{}", rules.collect::<String>());
    fs::write(&file, rules).expect("the rules");
    let checked = promtool(&["check", "rules", file.to_str().expect("a path")]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
}
