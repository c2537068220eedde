//! The examples in docs/kubernetes: they are well-formed, fit together, and their commands work.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use tempfile::TempDir;
use yaml_rust2::{Yaml, YamlLoader};

use crate::support::{run, stallgraph};

/// The folders of a node that the examples mount, and what they are called in a test's folder.
const FOLDERS: [(&str, &str); 2] =
    [("/var/lib/stallgraph", "packs"), ("/var/lib/node_exporter/textfile_collector", "textfile")];
const PAGE: &str = "textfile/stallgraph_watch.prom";

fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/kubernetes").join(name);
    fs::read_to_string(path).expect("an example")
}

fn plugin() -> Value {
    serde_json::from_str(&example("node-problem-detector.json")).expect("JSON")
}

/// The keys of an object. All must be among `allowed`, since node-problem-detector ignores keys
/// that it does not know.
fn keys<'v>(object: &'v Value, allowed: &[&str]) -> BTreeSet<&'v str> {
    let keys: BTreeSet<&str> = object.as_object().expect("an object").keys().map(String::as_str).collect();
    assert!(keys.iter().all(|key| allowed.contains(key)), "{keys:?} of {allowed:?}");
    keys
}

/// The keys and checks of pkg/custompluginmonitor/types/config.go and types.go in
/// node-problem-detector 0.8.
#[test]
fn the_plugin_is_as_node_problem_detector_wants_it() {
    let config = plugin();
    keys(&config, &["plugin", "pluginConfig", "source", "conditions", "rules", "metricsReporting"]);
    assert_eq!(config["plugin"], "custom");
    let allowed = [
        "invoke_interval",
        "timeout",
        "max_output_length",
        "concurrency",
        "enable_message_change_based_condition_update",
        "skip_initial_status",
    ];
    keys(&config["pluginConfig"], &allowed);
    assert_eq!(config["pluginConfig"]["max_output_length"], 80, "what the line is made for");
    let seconds = |value: &Value| -> u64 {
        let text = value.as_str().expect("a duration");
        text.strip_suffix('s').expect("seconds").parse().expect("a number")
    };
    for rule in config["rules"].as_array().expect("rules") {
        keys(rule, &["type", "condition", "reason", "path", "args", "timeout", "invoke_interval"]);
        assert_eq!(rule["type"], "permanent", "a temporary rule makes an event of every unknown");
        assert!(Path::new(rule["path"].as_str().expect("a path")).exists());
        assert!(seconds(&rule["timeout"]) <= seconds(&config["pluginConfig"]["timeout"]));
        let conditions = config["conditions"].as_array().expect("conditions");
        assert!(conditions.iter().any(|condition| condition["type"] == rule["condition"]));
        for condition in conditions {
            keys(condition, &["type", "reason", "message"]);
        }
    }
}

/// A node whose folders are below a temporary one.
struct Node {
    folder: TempDir,
}

impl Node {
    fn new() -> Node {
        let folder = tempfile::tempdir().expect("a folder");
        for (_, name) in FOLDERS {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        Node { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A word of a command, with this node's folders.
    fn word(&self, word: &str) -> String {
        FOLDERS.iter().fold(word.to_owned(), |word, (folder, name)| {
            word.replace(folder, self.path(name).to_str().expect("a path"))
        })
    }

    /// Writes a file that is so many seconds old; one of the future is less than 0 old.
    fn write(&self, name: &str, age_s: i64) {
        let path = self.path(name);
        fs::write(&path, "").expect("a file");
        let age = Duration::from_secs(age_s.unsigned_abs());
        let now = SystemTime::now();
        let then = if age_s < 0 { now + age } else { now - age };
        fs::File::options().append(true).open(path).expect("it").set_modified(then).expect("its time");
    }

    /// Writes a pack of this name.
    fn write_pack(&self, name: &str, age_s: i64) {
        self.write(&format!("packs/{name}.stall.tar.zst"), age_s);
    }

    /// The exit code and the line of the plugin.
    fn ask_plugin(&self) -> (Option<i32>, String) {
        let config = plugin();
        let rule = &config["rules"][0];
        let arguments = rule["args"].as_array().expect("arguments").iter();
        let arguments = arguments.map(|argument| self.word(argument.as_str().expect("text")));
        let asked = run(Command::new(rule["path"].as_str().expect("a path")).args(arguments));
        let line = asked.stdout.strip_suffix('\n').expect("a line").to_owned();
        assert!(!line.contains('\n') && line.len() <= 80, "{line}");
        (asked.code, line)
    }
}

fn unknown() -> (Option<i32>, String) {
    let line = "unknown: no page in the last 5 minutes: is stallgraph watch running?";
    (Some(2), line.to_owned())
}

fn healthy() -> (Option<i32>, String) {
    (Some(0), "healthy: no stall in the last 5 minutes".to_owned())
}

fn stalling(name: &str) -> (Option<i32>, String) {
    (Some(1), format!("stalling: {name}"))
}

#[test]
fn the_plugin_tells_what_the_watch_left() {
    let node = Node::new();
    assert_eq!(node.ask_plugin(), unknown(), "no page");
    node.write(PAGE, 0);
    assert_eq!(node.ask_plugin(), healthy());
    node.write_pack("stall-20261128T182437Z-cpu1-snmpd-read", 600);
    assert_eq!(node.ask_plugin(), healthy(), "it was ten minutes ago");
    node.write_pack("stall-20261128T183437Z-cpu11-node_exporter-lseek", 200);
    let newest = stalling("stall-20261128T183437Z-cpu11-node_exporter-lseek");
    assert_eq!(node.ask_plugin(), newest);
    node.write_pack("stall-20261128T183017Z-cpu0-kworker-0-1--kernel-thread-", 100);
    assert_eq!(node.ask_plugin(), newest, "an earlier stall, though its pack was written later");
    node.write_pack("stall-20261128T193017Z-cpu0-snmpd-read", -3600);
    assert_eq!(node.ask_plugin(), newest, "when it was written, the clock was ahead");
    node.write(PAGE, 600);
    assert_eq!(node.ask_plugin(), unknown(), "a watch that has stopped");
    node.write(PAGE, 0);
    fs::remove_dir_all(node.path("packs")).expect("it is removed");
    assert_eq!(node.ask_plugin(), unknown(), "the folder of packs is not mounted");
}

#[test]
fn the_plugin_tells_nothing_but_packs() {
    let node = Node::new();
    node.write(PAGE, 0);
    let time = "stall-20261128T182437Z-cpu1";
    for name in [
        format!("packs/{time}-snmpd-read.json"),
        format!("packs/another-{time}.stall.tar.zst"),
        format!("packs/.{time}.stall.tar.zst"),
        "packs/.stallgraph-0123456789abcdef".to_owned(),
        "packs/status".to_owned(),
    ] {
        node.write(&name, 60);
        assert_eq!(node.ask_plugin(), healthy(), "{name}");
    }
    fs::create_dir(node.path(&format!("packs/{time}-folder.stall.tar.zst"))).expect("a folder");
    node.write(PAGE, 0);
    assert_eq!(node.ask_plugin(), healthy(), "a folder");
    // No pack has such a name: `keep::plain`.
    let odd = ["a b", "a\nhealthy: b", "$(exit 3)", "`exit 3`", "%s%n", "\\033[2J", "'; exit 3 #", "ü"];
    for culprit in odd {
        node.write_pack(&format!("{time}-{culprit}"), 60);
        assert_eq!(node.ask_plugin(), healthy(), "{culprit:?}");
    }
    for culprit in ["a", "b_2.c", "c---", "--c", "...", "-n"] {
        let name = format!("stall-20261128T182438Z-cpu1-{culprit}");
        node.write_pack(&name, 60);
        assert_eq!(node.ask_plugin(), stalling(&name));
        fs::remove_file(node.path(&format!("packs/{name}.stall.tar.zst"))).expect("it is removed");
    }
}

/// `keep::plain` leaves 40 characters of a culprit.
#[test]
fn the_line_of_the_plugin_is_as_long_as_node_problem_detector_takes() {
    let node = Node::new();
    node.write(PAGE, 0);
    let name = format!("stall-20261128T182437Z-cpu999-{}", "c".repeat(40));
    node.write_pack(&name, 60);
    assert_eq!(node.ask_plugin(), stalling(&name), "all of it");
    let name = format!("stall-20261128T182438Z-cpu65535-{}", "c".repeat(60));
    node.write_pack(&name, 60);
    assert_eq!(node.ask_plugin(), stalling(&name[..70]));
}

fn daemon_set() -> Yaml {
    let mut documents = YamlLoader::load_from_str(&example("base/watch.yaml")).expect("YAML").into_iter();
    let (Some(set), None) = (documents.next(), documents.next()) else { panic!("one document") };
    set
}

fn list(yaml: &Yaml) -> impl Iterator<Item = &Yaml> {
    yaml.as_vec().expect("a list").iter()
}

/// The words of the container's command.
fn command(set: &Yaml) -> Vec<&str> {
    let container = &set["spec"]["template"]["spec"]["containers"][0];
    assert!(container["args"].is_badvalue() && container["env"].is_badvalue());
    list(&container["command"]).map(|word| word.as_str().expect("Kubernetes takes text only")).collect()
}

fn paths<'y>(mounts: &[&'y Yaml]) -> BTreeSet<&'y str> {
    mounts.iter().map(|mount| mount["mountPath"].as_str().expect("a path")).collect()
}

#[test]
fn the_parts_of_the_daemon_set_fit_together() {
    let set = daemon_set();
    assert_eq!((set["kind"].as_str(), set["apiVersion"].as_str()), (Some("DaemonSet"), Some("apps/v1")));
    assert_eq!(set["metadata"]["name"].as_str(), Some("stallgraph-watch"));
    let template = &set["spec"]["template"];
    assert_eq!(set["spec"]["selector"]["matchLabels"], template["metadata"]["labels"]);
    let pod = &template["spec"];
    assert_eq!(pod["hostPID"].as_bool(), Some(true));
    assert_eq!(list(&pod["containers"]).count(), 1);
    let container = &pod["containers"][0];
    let security = &container["securityContext"];
    assert_eq!(security["runAsUser"].as_i64(), Some(0));
    assert_eq!(security["privileged"].as_bool(), Some(false));
    assert_eq!(security["allowPrivilegeEscalation"].as_bool(), Some(false));
    assert_eq!(security["readOnlyRootFilesystem"].as_bool(), Some(true));
    assert_eq!(security["seccompProfile"]["type"].as_str(), Some("Unconfined"));
    let dropped: Vec<&str> = list(&security["capabilities"]["drop"]).filter_map(Yaml::as_str).collect();
    assert_eq!(dropped, ["ALL"]);
    let added: Vec<&str> = list(&security["capabilities"]["add"]).filter_map(Yaml::as_str).collect();
    assert_eq!(added, ["PERFMON", "SYSLOG", "SYS_PTRACE", "IPC_LOCK"]);
    // Each volume is mounted where the node has it.
    let volumes = list(&pod["volumes"]);
    let volumes: BTreeSet<_> =
        volumes.map(|volume| (volume["name"].as_str(), volume["hostPath"]["path"].as_str())).collect();
    let mounts: BTreeSet<_> = list(&container["volumeMounts"])
        .map(|mount| (mount["name"].as_str(), mount["mountPath"].as_str()))
        .collect();
    assert_eq!(mounts, volumes);
    let (read_only, writable): (Vec<&Yaml>, Vec<&Yaml>) =
        list(&container["volumeMounts"]).partition(|mount| mount["readOnly"].as_bool() == Some(true));
    assert_eq!(paths(&read_only), ["/sys/fs/cgroup", "/sys/kernel/tracing"].into());
    // What the command writes to is mounted, and the plugin reads there.
    let words = command(&set);
    let written: BTreeSet<&str> = words[1..].iter().copied().filter(|word| word.starts_with('/')).collect();
    assert_eq!(written, FOLDERS.map(|(folder, _)| folder).into());
    assert_eq!(paths(&writable), written);
    let asked = plugin()["rules"][0]["args"].to_string();
    assert!(written.iter().all(|folder| asked.contains(folder)), "{asked}");
}

#[test]
fn the_program_takes_the_command_of_the_daemon_set() {
    let set = daemon_set();
    let words = command(&set);
    assert_eq!(words[..2], ["/stallgraph", "watch"], "the image has no other file");
    // What stands before --help is checked first.
    let taken = run(stallgraph().args(&words[1..]).arg("--help"));
    assert!(taken.code == Some(0) && taken.stdout.contains("--textfile"), "{taken:?}");
    let wrong = words[1..].iter().map(|word| word.replace("1G", "1Q"));
    let refused = run(stallgraph().args(wrong).arg("--help"));
    assert!(refused.code == Some(2) && refused.stderr.contains("1Q"), "{refused:?}");
}

#[test]
fn the_watch_of_the_daemon_set_leaves_what_the_plugin_reads() {
    let (node, set) = (Node::new(), daemon_set());
    let mut watch = stallgraph();
    watch.args(command(&set)[1..].iter().map(|word| node.word(word)));
    let mut watch = watch.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
    let (begin, page) = (Instant::now(), node.path(PAGE));
    let mut is_running = || watch.try_wait().expect("its state").is_none();
    while is_running() && !page.exists() {
        assert!(begin.elapsed() < Duration::from_secs(60), "no page");
        std::thread::sleep(Duration::from_millis(20));
    }
    let begin = Instant::now();
    while is_running() && begin.elapsed() < Duration::from_secs(2) {
        std::thread::sleep(Duration::from_millis(20));
    }
    if is_running() {
        // As Kubernetes ends it.
        let asked = Command::new("kill").arg(watch.id().to_string()).status().expect("kill");
        assert!(asked.success());
    }
    let ended = watch.wait_with_output().expect("it ends");
    let messages = String::from_utf8_lossy(&ended.stderr);
    let is_refused = ["cannot be recorded", "cannot be mapped"].iter().any(|why| messages.contains(why));
    if ended.status.code() == Some(2) && is_refused {
        eprintln!("SKIPPED: {messages}");
        return;
    }
    assert_eq!(ended.status.code(), Some(0), "{messages}");
    let text = fs::read_to_string(page).expect("a page");
    assert!(text.contains("\nstallgraph_watch_alarms_total "), "{text}");
    // Whoever runs the tests may have stalled this machine.
    let (code, line) = node.ask_plugin();
    let packs = fs::read_dir(node.path("packs")).expect("the folder").count();
    match packs {
        0 => assert_eq!((code, line), healthy()),
        _ => assert!(code == Some(1) && line.starts_with("stalling: stall-"), "{line}"),
    }
}
