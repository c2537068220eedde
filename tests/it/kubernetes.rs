//! The examples in docs/kubernetes: they are well-formed, fit together, and their scripts work.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use stallgraph::analyses::stalls;
use yaml_rust2::{Yaml, YamlLoader};

fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/kubernetes").join(name);
    fs::read_to_string(path).expect("an example")
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
    let config: Value = serde_json::from_str(&example("node-problem-detector.json")).expect("JSON");
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
    assert_eq!(config["pluginConfig"]["max_output_length"], 80, "what check's line is made for");
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

/// Runs the plugin's command as on a node whose /var/lib/stallgraph is `folder`.
fn plugin(folder: &Path) -> Output {
    let config: Value = serde_json::from_str(&example("node-problem-detector.json")).expect("JSON");
    let rule = &config["rules"][0];
    let arguments = rule["args"].as_array().expect("arguments").iter();
    let folder = folder.to_str().expect("a path");
    let arguments =
        arguments.map(|argument| argument.as_str().expect("text").replace("/var/lib/stallgraph", folder));
    let mut command = Command::new(rule["path"].as_str().expect("a path"));
    command.args(arguments).output().expect("a shell")
}

#[test]
fn the_plugin_tells_what_the_recorder_noted() {
    let folder = tempfile::tempdir().expect("a folder");
    let status = folder.path().join("status");
    let outcome =
        |output: Output| (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned());
    let silent = "unknown: no check in the last 5 minutes: is the recorder running?\n";
    assert!(silent.trim_end().len() <= 80);
    assert_eq!(outcome(plugin(folder.path())), (Some(2), silent.to_owned()));
    for (code, line) in
        [(0, "healthy: no stall"), (1, "stalling: 3 stalls; a\\b `x` $HOME * 'q'"), (2, "unknown: why")]
    {
        fs::write(&status, format!("{code} {line}\n")).expect("a file");
        assert_eq!(outcome(plugin(folder.path())), (Some(code), format!("{line}\n")));
    }
    let then = std::time::SystemTime::now() - Duration::from_secs(600);
    fs::File::options().append(true).open(&status).expect("it").set_modified(then).expect("its time");
    assert_eq!(outcome(plugin(folder.path())), (Some(2), silent.to_owned()), "a recorder that has stopped");
    fs::write(&status, "").expect("a file");
    assert_eq!(outcome(plugin(folder.path())), (Some(2), silent.to_owned()), "no status");
}

fn recorder() -> (Yaml, Yaml) {
    let mut documents = YamlLoader::load_from_str(&example("recorder.yaml")).expect("YAML").into_iter();
    let (Some(map), Some(set), None) = (documents.next(), documents.next(), documents.next()) else {
        panic!("two documents")
    };
    (map, set)
}

fn list(yaml: &Yaml) -> impl Iterator<Item = &Yaml> {
    yaml.as_vec().expect("a list").iter()
}

fn texts<'y>(yaml: &'y Yaml, key: &str) -> BTreeSet<&'y str> {
    list(yaml).map(|entry| entry[key].as_str().expect("text")).collect()
}

#[test]
fn the_parts_of_the_daemon_set_fit_together() {
    let (map, set) = recorder();
    assert_eq!((map["kind"].as_str(), set["kind"].as_str()), (Some("ConfigMap"), Some("DaemonSet")));
    assert_eq!((map["apiVersion"].as_str(), set["apiVersion"].as_str()), (Some("v1"), Some("apps/v1")));
    let template = &set["spec"]["template"];
    assert_eq!(set["spec"]["selector"]["matchLabels"], template["metadata"]["labels"]);
    let pod = &template["spec"];
    assert_eq!(pod["hostPID"].as_bool(), Some(true));
    let container = &pod["containers"][0];
    assert_eq!(texts(&container["volumeMounts"], "name"), texts(&pod["volumes"], "name"));
    let script =
        list(&pod["volumes"]).find(|volume| volume["name"].as_str() == Some("script")).expect("a volume");
    assert_eq!(script["configMap"]["name"], map["metadata"]["name"]);
    let security = &container["securityContext"];
    assert_eq!(security["privileged"].as_bool(), Some(false));
    let added: Vec<&str> = list(&security["capabilities"]["add"]).filter_map(Yaml::as_str).collect();
    assert_eq!(added, ["PERFMON", "SYSLOG", "SYS_PTRACE", "IPC_LOCK"]);
    let mounts = texts(&container["volumeMounts"], "mountPath");
    for variable in list(&container["env"]) {
        let value = variable["value"].as_str().expect("Kubernetes takes text only");
        assert!(!value.starts_with('/') || mounts.contains(value), "{value} is mounted");
    }
    let script = script_of(&map);
    let used: BTreeSet<&str> =
        ["RING", "TEXTFILE_DIRECTORY", "RECORD_SECONDS", "KEEP", "PERF_OPTIONS", "CHECK_OPTIONS"].into();
    assert_eq!(texts(&container["env"], "name"), used);
    assert!(used.iter().all(|name| script.contains(name)), "{script}");
}

fn script_of(map: &Yaml) -> &str {
    map["data"]["recorder.sh"].as_str().expect("a script")
}

/// A node with what the recorder needs, where `perf` is a script.
struct Node {
    folder: tempfile::TempDir,
}

impl Node {
    fn new(perf: &str) -> Node {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["ring", "textfile", "bin"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        let node = Node { folder };
        symlink(env!("CARGO_BIN_EXE_stallgraph"), node.path("bin/stallgraph")).expect("a link");
        fs::write(node.path("bin/perf"), format!("#!/bin/sh\n{perf}\n")).expect("a script");
        fs::set_permissions(node.path("bin/perf"), fs::Permissions::from_mode(0o755))
            .expect("its permissions");
        fs::write(node.path("recorder.sh"), script_of(&recorder().0)).expect("a script");
        node
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the recorder until all of `files` exist, and ends it as Kubernetes does.
    fn record_until(&self, files: &[&str]) {
        let set = recorder().1;
        let environment = &set["spec"]["template"]["spec"]["containers"][0]["env"];
        let options = list(environment).find(|variable| variable["name"].as_str() == Some("PERF_OPTIONS"));
        let options = options.and_then(|variable| variable["value"].as_str()).expect("options").to_owned();
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").expect("a path"));
        let mut recorder = Command::new("/bin/sh")
            .arg(self.path("recorder.sh"))
            .env("PATH", path)
            .env("RING", self.path("ring"))
            .env("TEXTFILE_DIRECTORY", self.path("textfile"))
            .envs([
                ("RECORD_SECONDS", "0.05"),
                ("KEEP", "2"),
                ("PERF_OPTIONS", options.as_str()),
                ("CHECK_OPTIONS", "--min 20ms"),
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let begin = Instant::now();
        while !files.iter().all(|file| self.path(file).exists()) {
            assert!(begin.elapsed() < Duration::from_secs(60), "{files:?} in time");
            std::thread::sleep(Duration::from_millis(20));
        }
        let ended = Command::new("kill").arg(recorder.id().to_string()).status().expect("kill");
        assert!(ended.success());
        assert_eq!(recorder.wait().expect("it ends").code(), Some(0));
    }
}

#[test]
fn the_recorder_keeps_a_ring_and_notes_each_check() {
    let recording = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/post/perf.data");
    let perf = format!(
        "printf '%s\\n' \"$@\" > ../arguments\ncp {} new.data && chmod u+w new.data",
        recording.display()
    );
    let node = Node::new(&perf);
    node.record_until(&["ring/0.data", "ring/1.data", "ring/status", "textfile/stallgraph.prom"]);
    assert!(!node.path("ring/2.data").exists(), "KEEP=2");
    let last = fs::read_link(node.path("ring/last.data")).expect("a link");
    assert!(["0.data", "1.data"].contains(&last.to_str().expect("a name")), "{last:?}");
    let mode = fs::metadata(node.path("ring/0.data")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o077, 0, "for root only");
    assert!(node.path("ring/kallsyms").exists());
    // What perf is given is the recommended command, word by word.
    let given = fs::read_to_string(node.path("arguments")).expect("arguments");
    let recommended = stalls::RECORD.join(" ").replace("perf record -C CPU", "record -q -o new.data -N -a");
    let recommended = recommended.replace("sleep 10", "sleep 0.05").replace('\'', "");
    assert_eq!(given.lines().collect::<Vec<_>>(), recommended.split(' ').collect::<Vec<_>>());
    let direct = Command::new(env!("CARGO_BIN_EXE_stallgraph"))
        .args(["check", "--min", "20ms"])
        .arg(node.path("ring/last.data"))
        .output()
        .expect("stallgraph");
    let line = String::from_utf8_lossy(&direct.stdout);
    let status = fs::read_to_string(node.path("ring/status")).expect("a status");
    assert_eq!(status, format!("{} {line}", direct.status.code().expect("a code")));
    assert_eq!(plugin(&node.path("ring")).stdout, direct.stdout);
}

#[test]
fn a_perf_that_fails_is_noted() {
    let node = Node::new("echo 'Access to performance monitoring is limited.' >&2; exit 255");
    node.record_until(&["ring/status", "textfile/stallgraph.prom"]);
    let status = fs::read_to_string(node.path("ring/status")).expect("a status");
    assert_eq!(status, "2 unknown: perf record failed: Access to performance monitoring is limited.\n");
    let page = fs::read_to_string(node.path("textfile/stallgraph.prom")).expect("a page");
    assert!(page.ends_with("stallgraph_check_conclusive 0\n"), "{page}");
}
