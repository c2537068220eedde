//! Charts in a browser: a headless Chromium opens each kind, clicks, zooms out and searches,
//! without a script error. Says that it is skipped where there is no Chromium.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::svg;
use crate::support::{Recording, run, stallgraph};

/// The time limit for one picture, on a machine that also runs other tests.
const PATIENCE: Duration = Duration::from_secs(120);

/// Acts in the browser as a user would, and writes the results into the picture. NAME and X say
/// which frame is clicked.
const VISIT: &str = r##"<script type="text/ecmascript"><![CDATA[
(function() {
    var errors = [];
    window.addEventListener("error", function(e) { errors.push(e.message); });
    window.alert = window.confirm = function(text) { errors.push("dialog: " + text); };
    window.prompt = function() { return "^" + NAME.replace(/[^A-Za-z0-9_]/g, "\\$&") + " \\("; };
    function act() {
        var all = Array.from(document.getElementById("frames").children);
        var title = function(g) { return g.querySelector("title").textContent; };
        var rect = function(g) { return g.querySelector("rect"); };
        var click = function(e) { e.dispatchEvent(new MouseEvent("click", { bubbles: true })); };
        var frame = all.find(function(g) {
            return title(g).startsWith(NAME + " (") && rect(g).getAttribute("fg:x") == X;
        });
        var hidden = function() { return all.filter(function(g) { return getComputedStyle(g).display == "none"; }).length; };
        var number = function(node, name) { return parseFloat(node.getAttribute(name)); };
        var scale = function() {
            var of = function(name) { return Array.from(document.querySelectorAll("#ticks " + name)); };
            var rects = Array.from(document.querySelectorAll(".marker:not(.hide) > .band"));
            return {
                ticks: of("line").map(function(line) { return number(line, "x1"); }),
                labels: of("text").map(function(text) { return [number(text, "x"), text.textContent]; }),
                markers: rects.map(function(rect) { return [number(rect, "x"), number(rect, "width")]; })
            };
        };
        var scales = [scale()];
        var box = function(id) { return document.getElementById(id).getBoundingClientRect(); };
        var fits = box("title").right < box("search").left && box("subtitle").right < innerWidth && box("subtitle").left > 0;
        var widths = [rect(frame).getAttribute("width")];
        var hiddens = [hidden()];
        rect(frame).dispatchEvent(new MouseEvent("mouseover", { bubbles: true }));
        var details = document.getElementById("details").textContent;
        click(rect(frame));
        widths.push(rect(frame).getAttribute("width"));
        hiddens.push(hidden());
        scales.push(scale());
        fits = fits && box("title").left > box("unzoom").right;
        click(document.getElementById("unzoom"));
        scales.push(scale());
        widths.push(rect(frame).getAttribute("width"));
        hiddens.push(hidden());
        click(document.getElementById("search"));
        var marked = all.filter(function(g) { return rect(g).getAttribute("fill") == "rgb(230,0,230)"; }).map(title);
        var result = { errors: errors, frames: all.length, widths: widths, hiddens: hiddens, details: details, marked: marked,
            scales: scales, fits: fits, search: getComputedStyle(document.getElementById("search")).opacity,
            matched: document.getElementById("matched").textContent, legend: document.getElementById("legend").textContent };
        var desc = document.createElementNS("http://www.w3.org/2000/svg", "desc");
        desc.id = "visit";
        desc.textContent = JSON.stringify(result);
        document.documentElement.appendChild(desc);
    }
    window.addEventListener("load", function() { setTimeout(act, 200); });
})();
]]></script>"##;

#[test]
fn charts_zoom_and_search_in_a_browser() {
    let Some(browser) = browser() else {
        // Written directly, since the test harness would capture it.
        let _ = writeln!(std::io::stderr(), "SKIPPED: no chromium here, so no chart was opened in a browser");
        return;
    };
    let post = Recording::open("post");
    let chart =
        |options: &[&str]| post.command("chart").args(options).output().expect("the program starts").stdout;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let hostile = folder.path().join("hostile.txt");
    fs::write(&hostile, hostile_text()).expect("the folder can be written to");
    let of_hostile = run(stallgraph().arg("chart").arg(&hostile)).stdout.into_bytes();
    for (name, bytes) in [
        ("window", chart(&["--window", "2"])),
        ("chart", chart(&[])),
        ("flamegraph", chart(&["--flamegraph"])),
        ("diff", chart(&["--diff"])),
        ("time-of-day", Recording::open("evidence").stdout("chart", &["--stall", "1"]).into_bytes()),
        ("hostile", of_hostile),
    ] {
        let text = String::from_utf8(bytes).expect("UTF-8");
        visit(&browser, folder.path(), name, &text);
    }
    // The visit reports errors, if there are any.
    let text = post.stdout("chart", &["--window", "1"]);
    let broken = text.replacen("function zoom_child(", "function zoom_no_child(", 1);
    assert_ne!(text, broken);
    let (_, came) = visited(&browser, folder.path(), "broken", &broken);
    assert!(came["errors"][0].as_str().is_some_and(|error| error.contains("zoom_child")), "{came}");
}

/// Visits a picture, and checks the results.
#[track_caller]
fn visit(browser: &str, folder: &Path, name: &str, text: &str) {
    let picture = svg::read(text);
    let (frame, came) = visited(browser, folder, name, text);
    let percent =
        |at: usize| came["widths"][at].as_str().and_then(|text| text.strip_suffix('%')?.parse::<f64>().ok());
    let expected = 100.0 * frame.width as f64 / picture.total as f64;
    assert_eq!(came["errors"].as_array().map(Vec::len), Some(0), "{name}: {came}");
    assert_eq!(came["frames"], picture.frames.len(), "{name}: {came}");
    for (at, expected) in [(0, expected), (1, 100.0), (2, expected)] {
        assert!(percent(at).is_some_and(|percent| (percent - expected).abs() < 1e-3), "{name}: {came}");
    }
    assert_eq!((&came["hiddens"][0], &came["hiddens"][2]), (&0.into(), &0.into()), "{name}: {came}");
    assert!(came["hiddens"][1].as_u64() > Some(0), "what lies beside the frame goes: {name}: {came}");
    assert!(came["details"].as_str().is_some_and(|text| text.contains(&frame.name)), "{name}: {came}");
    let marked = came["marked"].as_array().expect("a list");
    let of_name = picture.frames.iter().filter(|other| other.name == frame.name).count();
    assert_eq!(marked.len(), of_name, "{name}: {came}");
    assert!(came["matched"].as_str().is_some_and(|text| text.starts_with("Matched: ")), "{name}: {came}");
    assert!(came["legend"].as_str().is_some_and(|text| text.contains('■')), "{name}: {came}");
    assert_eq!((&came["fits"], &came["search"]), (&true.into(), &"1".into()), "{name}: {came}");
    check_scale(&picture, &came["scales"][0], (0, picture.total));
    check_scale(&picture, &came["scales"][1], (frame.x, frame.width));
    check_scale(&picture, &came["scales"][2], (0, picture.total));
}

/// Checks the axis while the part of a picture that begins at `x` is shown: of the whole it is what
/// was in the file, and of a part each time stands where the frames of that time are.
#[track_caller]
fn check_scale(picture: &svg::Picture, scale: &serde_json::Value, (x, width): (u64, u64)) {
    let numbers = |value: &serde_json::Value| -> Vec<f64> {
        value.as_array().into_iter().flatten().filter_map(serde_json::Value::as_f64).collect()
    };
    let labels: Vec<(f64, String)> = scale["labels"].as_array().into_iter().flatten().map(label).collect();
    assert_eq!(numbers(&scale["ticks"]).is_empty(), picture.ticks.is_empty(), "{scale}");
    if width == picture.total {
        assert_eq!((numbers(&scale["ticks"]), &labels), (picture.ticks.clone(), &picture.labels));
    }
    let clock = |text: &str| text.strip_suffix(" s").and_then(|text| text.parse::<f64>().ok());
    let Some(first) = picture.labels.iter().find_map(|(at, text)| Some((*at, clock(text)?))) else { return };
    let start = first.1 - first.0 / 100.0 * picture.total as f64 / 1e6;
    let times: Vec<(f64, f64)> = labels.iter().filter_map(|(at, text)| Some((*at, clock(text)?))).collect();
    assert!((2..=9).contains(&times.len()), "{scale}");
    for (at, seconds) in times {
        let expected = ((seconds - start) * 1e6 - x as f64) / width as f64 * 100.0;
        assert!((at - expected).abs() < 0.05, "{seconds} s is at {at} %, not {expected} %: {scale}");
    }
    let share = |us: u64| (us.saturating_sub(x).min(width)) as f64 / width as f64 * 100.0;
    let is_shown = |marker: &&svg::Marker| share(marker.x + marker.width) > share(marker.x);
    let expected: Vec<(f64, f64)> = picture
        .markers
        .iter()
        .filter(is_shown)
        .map(|marker| (share(marker.x), share(marker.x + marker.width) - share(marker.x)))
        .collect();
    let markers: Vec<Vec<f64>> = scale["markers"].as_array().into_iter().flatten().map(numbers).collect();
    assert_eq!(markers.len(), expected.len(), "{scale}");
    for (marker, expected) in markers.iter().zip(expected) {
        let is_near = |a: f64, b: f64| (a - b).abs() < 1e-3;
        assert!(is_near(marker[0], expected.0) && is_near(marker[1], expected.1), "{scale}");
    }
}

fn label(value: &serde_json::Value) -> (f64, String) {
    (value[0].as_f64().expect("a number"), value[1].as_str().expect("a text").to_owned())
}

/// Opens a picture and acts in it: returns the frame that was clicked, and the results.
fn visited(browser: &str, folder: &Path, name: &str, text: &str) -> (svg::Frame, serde_json::Value) {
    let picture = svg::read(text);
    // A frame in the middle of the picture, with frames beside it and above it.
    let is_inner = |frame: &&svg::Frame| frame.depth >= 1 && frame.width < picture.total * 9 / 10;
    let frame =
        picture.frames.iter().filter(is_inner).max_by_key(|frame| frame.width).expect("a frame").clone();
    let name_in_script = serde_json::to_string(&frame.name).expect("a string").replace("]]>", "]]\\u003e");
    let script = VISIT.replace("NAME", &name_in_script).replace("X;", &format!("{};", frame.x));
    let file = folder.join(format!("{name}.svg"));
    let (head, rest) = text.split_once("<defs>").expect("inferno's picture");
    fs::write(&file, format!("{head}{script}<defs>{rest}")).expect("the folder can be written to");
    let dom = folder.join(format!("{name}.dom"));
    let mut child = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", "--dump-dom"])
        .args(["--window-size=1200,800", "--hide-scrollbars"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("file://{}", file.display()))
        .stdin(Stdio::null())
        .stdout(File::create(&dom).expect("the folder can be written to"))
        .stderr(Stdio::null())
        .spawn()
        .expect("the browser starts");
    let start = Instant::now();
    while child.try_wait().expect("a child").is_none() {
        if start.elapsed() > PATIENCE {
            child.kill().expect("a child");
            panic!("{name}: the browser does not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let dom = fs::read_to_string(dom).expect("what the browser printed");
    let result = dom.split_once("<desc id=\"visit\">").and_then(|(_, rest)| rest.split_once("</desc>"));
    let result =
        result.unwrap_or_else(|| panic!("{name}: the browser did not come to an end: {} bytes", dom.len())).0;
    let result =
        result.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", "\u{a0}").replace("&amp;", "&");
    (frame, serde_json::from_str(&result).expect("JSON"))
}

fn browser() -> Option<String> {
    let is_there = |name: &&str| {
        let version =
            Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    };
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find(is_there).map(|name| name.to_owned())
}

/// What perf script would print if functions had names that are markup or script.
fn hostile_text() -> String {
    let names = [
        "<script>alert(1)</script>",
        "</title></g></svg><script>alert(2)</script>",
        "'onload='alert(3)' \"",
        "]]><![CDATA[&lt;&amp;\u{1b}\u{202e}",
        "a(b) (1,000 us, 5%)",
    ];
    let sample = |(number, name): (usize, &&str)| {
        format!(
            "comm 1/1 [000] 1.{number:03}000000: cpu-clock: \n\
             \tffffffff81000010 {name} ([kernel.kallsyms])\n\t    401000 {name} (/bin/{name})\n\n"
        )
    };
    names.iter().enumerate().map(sample).collect()
}
