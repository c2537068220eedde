//! The plugin for kubectl, docs/kubernetes/kubectl-stallgraph, with a kubectl that notes what it is
//! asked and runs the commands of the pod here.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use yaml_rust2::{Yaml, YamlLoader};

use crate::support::{Run, run};

/// Notes its arguments, a line for each call. What a test wants of it is in files beside the log.
const KUBECTL: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 9
separator=''
for argument in "$@"; do printf '%s[%s]' "$separator" "$argument"; separator=' '; done >>log
echo >>log
verb=''
while [ $# -gt 0 ]; do
	case $1 in
	--context | --namespace) shift 2 ;;
	*) verb=$1; shift; break ;;
	esac
done
case $verb in
create) cat >manifest.yaml; [ ! -e refuse ] ;;
get) cat state ;;
logs) echo 'recorded perf.data for 60s' ;;
exec)
	[ ! -e cut ] || { echo half a pack; exit 1; }
	while [ "$1" != -- ]; do shift; done
	shift 2
	cd "$RECORDINGS" && exec "$STALLGRAPH" "$@"
	;;
delete) ;;
*) exit 9 ;;
esac
"#;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn plugin() -> PathBuf {
    root().join("docs/kubernetes/kubectl-stallgraph")
}

/// A cluster whose pod is as `state` says.
struct Cluster {
    folder: TempDir,
}

impl Cluster {
    fn new(state: &str) -> Cluster {
        let folder = tempfile::tempdir().expect("a folder");
        // Another process writes the program, as `copy_program` says.
        fs::write(folder.path().join("script"), KUBECTL).expect("a script");
        let mut install = Command::new("install");
        install.args(["-m", "755", "script", "kubectl"]).current_dir(&folder);
        assert!(install.status().expect("install").success());
        fs::write(folder.path().join("state"), state).expect("a state");
        Cluster { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The plugin with this kubectl.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(plugin());
        let path = format!("{}:{}", self.folder.path().display(), std::env::var("PATH").expect("a path"));
        command.args(arguments).current_dir(self.folder.path()).env("PATH", path);
        command.env("STALLGRAPH_IMAGE", "registry.example.com/stallgraph:0.1.0");
        command.env("STALLGRAPH", env!("CARGO_BIN_EXE_stallgraph"));
        command.env("RECORDINGS", root().join("testdata/post"));
        command
    }

    fn ask(&self, arguments: &[&str]) -> Run {
        run(&mut self.command(arguments))
    }

    /// What kubectl was asked, with the same name for each pod.
    fn log(&self) -> Vec<String> {
        let log = fs::read_to_string(self.path("log")).unwrap_or_default();
        let pod = regex::Regex::new(r"stallgraph-\d+-\d+").expect("a pattern");
        log.lines().map(|line| pod.replace_all(line, "POD").into_owned()).collect()
    }
}

const STATES: &str = "[jsonpath={.status.phase} {.status.initContainerStatuses[0].state.waiting.reason}]";
const DELETE: &str = "[delete] [pod] [POD] [--wait=false] [--ignore-not-found]";

#[test]
fn a_node_is_recorded_and_its_verdict_printed() {
    let cluster = Cluster::new("Running ");
    let asked = cluster.ask(&["worker-7"]);
    assert_eq!(asked.code, Some(0), "{asked:?}");
    assert!(asked.stdout.contains("node_exporter"), "{asked:?}");
    assert!(asked.stderr.contains(" records worker-7 for 60 s\n"), "{asked:?}");
    assert!(asked.stderr.contains("recorded perf.data for 60s\n"), "what record said: {asked:?}");
    let expected = [
        "[create] [-f] [-]".to_owned(),
        format!("[get] [pod] [POD] [-o] {STATES}"),
        "[logs] [POD] [-c] [record]".to_owned(),
        "[exec] [POD] [-c] [read] [--] [/stallgraph] [stalls]".to_owned(),
        DELETE.to_owned(),
    ];
    assert_eq!(cluster.log(), expected);
}

#[test]
fn words_reach_the_program_as_they_were_given() {
    let cluster = Cluster::new("Running ");
    let odd =
        ["worker-7", "-n", "stallgraph", "--context", "a b; $(x)", "--", "stalls", "--min", "* 'x' \"y\" $z"];
    let asked = cluster.ask(&odd);
    assert_eq!(asked.code, Some(2), "the program's own code: {asked:?}");
    let log = cluster.log();
    let begin = "[--context] [a b; $(x)] [--namespace] [stallgraph] ";
    assert!(log.iter().all(|line| line.starts_with(begin)), "{log:#?}");
    let expected = "[exec] [POD] [-c] [read] [--] [/stallgraph] [stalls] [--min] [* 'x' \"y\" $z]";
    assert_eq!(log[3], format!("{begin}{expected}"));
    assert_eq!(log[4], format!("{begin}{DELETE}"));
}

#[test]
fn a_pack_is_fetched_whole_or_not_at_all() {
    let cluster = Cluster::new("Running ");
    let asked = cluster.ask(&["worker-7", "-o", "-a pack", "--", "window"]);
    assert_eq!(asked.code, Some(0), "{asked:?}");
    assert!(asked.stderr.contains("wrote -a pack\n"), "{asked:?}");
    let log = cluster.log();
    let pack = "[/stallgraph] [pack] [--container-root] [-o] [-]";
    assert!(log[3].ends_with(pack), "{log:#?}");
    fs::write(cluster.path("cut"), "").expect("a file");
    let asked = cluster.ask(&["worker-7", "-o", "cut.stall.tar.zst"]);
    assert!(asked.code == Some(2) && asked.stderr.contains("the pack cannot be fetched"), "{asked:?}");
    assert_eq!(cluster.log().last().map(String::as_str), Some(DELETE));
    let names = fs::read_dir(cluster.folder.path()).expect("the folder").flatten();
    let names: Vec<String> = names.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    assert!(names.iter().all(|name| !name.starts_with("cut.") && !name.ends_with(".part")), "{names:?}");
}

#[test]
fn a_node_that_cannot_be_recorded_is_said_so() {
    let cluster = Cluster::new("Failed ");
    let asked = cluster.ask(&["worker-7"]);
    assert!(asked.code == Some(2) && asked.stderr.contains("worker-7 was not recorded\n"), "{asked:?}");
    assert!(asked.stderr.contains("recorded perf.data"), "what record said: {asked:?}");
    assert_eq!(cluster.log().last().map(String::as_str), Some(DELETE));
    let cluster = Cluster::new("Running ");
    fs::write(cluster.path("refuse"), "").expect("a file");
    let asked = cluster.ask(&["worker-7"]);
    assert!(asked.code == Some(2) && asked.stderr.contains("the pod cannot be made"), "{asked:?}");
}

/// The pod is removed, whichever signal ends the plugin.
#[test]
fn an_interrupt_leaves_no_pod() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let cluster = Cluster::new("Pending ");
        let mut plugin = cluster.command(&["worker-7", "-o", "pack"]);
        let plugin = plugin.stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0).spawn();
        let mut plugin = plugin.expect("the plugin");
        let begin = Instant::now();
        while !cluster.log().iter().any(|line| line.starts_with("[get]")) {
            assert!(begin.elapsed() < Duration::from_secs(60), "{:#?}", cluster.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        // As a terminal does: all of the group.
        let group = format!("-{}", plugin.id());
        assert!(Command::new("kill").args(["-s", signal, "--", &group]).status().expect("kill").success());
        assert_eq!(plugin.wait().expect("its end").code(), Some(code));
        assert_eq!(cluster.log().last().map(String::as_str), Some(DELETE));
        assert!(!cluster.path("pack.part").exists());
    }
}

#[test]
fn what_does_not_belong_into_a_manifest_is_refused() {
    let cluster = Cluster::new("Running ");
    for (arguments, says) in [
        (&[][..], "which node?"),
        (&["a b"], "node 'a b' is no node"),
        (&["a\nhostNetwork: true"], "is no node"),
        (&["$(touch x)"], "is no node"),
        (&["n", "--image", "a b"], "image 'a b' is no image"),
        (&["n", "--image", "a\",\"b"], "is no image"),
        (&["n", "--image", ""], "which image?"),
        (&["n", "-n", "a b"], "is no namespace"),
        (&["n", "--seconds", "0"], "--seconds 0 is not a number"),
        (&["n", "--seconds", "1m"], "--seconds 1m is not a number"),
        (&["n", "--seconds"], "--seconds needs a value"),
        (&["n", "--evidence", "all"], "--evidence all is none of"),
        (&["n", "--every"], "there is no option --every"),
        (&["n", "stalls"], "one node only"),
    ] {
        let asked = cluster.ask(arguments);
        assert!(asked.code == Some(2) && asked.stderr.contains(says), "{arguments:?}: {asked:?}");
    }
    assert_eq!(cluster.log(), [""; 0], "kubectl was not asked");
}

/// The container's permissions, mounts and resources, without what each has of its own.
fn needs(container: &Yaml) -> (Yaml, Vec<Yaml>) {
    let mounts = container["volumeMounts"].as_vec().expect("mounts").iter();
    let of_the_kernel = |mount: &&Yaml| mount["mountPath"].as_str().expect("a path").starts_with("/sys/");
    (container["securityContext"].clone(), mounts.filter(of_the_kernel).cloned().collect())
}

#[test]
fn its_pod_has_the_permissions_of_the_daemon_set() {
    let cluster = Cluster::new("Running ");
    let dry = cluster.ask(&["worker-7", "-n", "stallgraph", "--seconds", "10", "--dry-run"]);
    assert_eq!((dry.code, cluster.log().len()), (Some(0), 0), "{dry:?}");
    let load = |text: &str| YamlLoader::load_from_str(text).expect("YAML").remove(0);
    let pod = load(&dry.stdout);
    let set = fs::read_to_string(root().join("docs/kubernetes/base/watch.yaml")).expect("the example");
    let set = load(&set);
    let expected = needs(&set["spec"]["template"]["spec"]["containers"][0]);
    let spec = &pod["spec"];
    for container in [&spec["initContainers"][0], &spec["containers"][0]] {
        assert_eq!(needs(container), expected);
    }
    assert_eq!(pod["metadata"]["namespace"].as_str(), Some("stallgraph"));
    assert_eq!(spec["nodeName"].as_str(), Some("worker-7"));
    assert_eq!(spec["activeDeadlineSeconds"].as_i64(), Some(910));
    assert_eq!(spec["automountServiceAccountToken"].as_bool(), Some(false));
    assert_eq!(spec["hostPID"], set["spec"]["template"]["spec"]["hostPID"]);
    // The program takes the words of the container.
    let words = spec["initContainers"][0]["command"].as_vec().expect("words").iter();
    let words: Vec<&str> = words.map(|word| word.as_str().expect("text")).collect();
    let taken = run(crate::support::stallgraph().args(&words[1..]).arg("--dry-run"));
    assert!(taken.code == Some(0) && taken.stdout.ends_with(" -- sleep 10\n"), "{taken:?}");
    // Without a namespace, kubectl's own.
    let dry = cluster.ask(&["worker-7", "--dry-run"]);
    assert!(load(&dry.stdout)["metadata"]["namespace"].is_badvalue(), "{dry:?}");
}
