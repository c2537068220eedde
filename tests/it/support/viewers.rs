//! Readers of the viewers' formats, independent of the program: they check a format's rules and
//! return what a viewer would show.

use std::collections::BTreeMap;

use serde_json::Value;

/// One lane of a viewer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lane {
    /// Its name.
    pub name: String,
    /// Its samples, in order.
    pub samples: Vec<Shown>,
    /// Holes where samples were lost: begin and end in ns.
    pub lost: Vec<(u64, u64)>,
    /// Its markers.
    pub markers: Vec<Marker>,
}

/// A sample; in the Chrome format a stretch of the task's slices.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// ns from the begin of the export.
    pub start_ns: u64,
    /// ns from the begin of the export.
    pub end_ns: u64,
    /// The names, root first, the comm before all.
    pub stack: Vec<String>,
    /// The category of the innermost frame.
    pub category: String,
}

impl Shown {
    /// The stack as collapse prints it.
    pub fn folded(&self) -> String {
        let names = self.stack.iter().map(|name| name.replace(';', ":"));
        let names = names.enumerate().map(|(at, name)| if at == 0 { name.replace(' ', "_") } else { name });
        names.collect::<Vec<_>>().join(";")
    }
}

/// A marker.
#[derive(Clone, Debug, PartialEq)]
pub struct Marker {
    /// Its kind.
    pub kind: String,
    /// ns from the begin of the export.
    pub start_ns: u64,
    /// ns from the begin of the export.
    pub end_ns: u64,
    /// Its text.
    pub text: String,
}

#[track_caller]
fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("not a list: {value}"))
}

#[track_caller]
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}"))
}

#[track_caller]
fn whole(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("not a number: {value}"))
}

#[track_caller]
fn index(value: &Value) -> usize {
    usize::try_from(whole(value)).expect("an index")
}

/// Converts a number of ms or µs to ns.
#[track_caller]
fn ns(value: &Value, unit_ns: f64) -> u64 {
    (value.as_f64().unwrap_or_else(|| panic!("not a number: {value}")) * unit_ns).round() as u64
}

/// Reads speedscope's file format, by `src/lib/file-format-spec.ts` of speedscope 1.25.0.
#[track_caller]
pub fn speedscope(json: &str) -> Vec<Lane> {
    let document: Value = serde_json::from_str(json).expect("JSON");
    assert_eq!(document["$schema"], "https://www.speedscope.app/file-format-schema.json");
    assert!(document["name"].is_string() && text(&document["exporter"]).starts_with("stallgraph "));
    let frames = list(&document["shared"]["frames"]);
    let lanes = list(&document["profiles"]).iter().map(|profile| {
        assert_eq!((&profile["type"], &profile["unit"]), (&"sampled".into(), &"nanoseconds".into()));
        let (samples, weights) = (list(&profile["samples"]), list(&profile["weights"]));
        assert_eq!(samples.len(), weights.len());
        let mut lane = Lane { name: text(&profile["name"]).to_owned(), ..Lane::default() };
        let mut at = 0;
        for (sample, weight) in samples.iter().zip(weights) {
            let (start_ns, end_ns) = (at, at + whole(weight));
            at = end_ns;
            let frames: Vec<&Value> = list(sample).iter().map(|number| &frames[index(number)]).collect();
            match frames[..] {
                [] => assert!(start_ns < end_ns, "an empty hole"),
                [only] if only["name"] == "[lost]" => lane.lost.push((start_ns, end_ns)),
                [.., leaf] => lane.samples.push(Shown {
                    start_ns,
                    end_ns,
                    stack: frames.iter().map(|frame| text(&frame["name"]).to_owned()).collect(),
                    category: text(&leaf["file"]).split(' ').next().unwrap_or_default().to_owned(),
                }),
            }
        }
        assert_eq!((whole(&profile["startValue"]), whole(&profile["endValue"])), (0, at), "{}", lane.name);
        lane
    });
    lanes.collect()
}

/// Reads the Firefox Profiler's processed format: version 55, by
/// `docs-developer/processed-profile-format.md` and `src/types/profile.js` of
/// firefox-devtools/profiler.
#[track_caller]
pub fn firefox(json: &str) -> Vec<Lane> {
    let document: Value = serde_json::from_str(json).expect("JSON");
    let meta = &document["meta"];
    assert_eq!(meta["preprocessedProfileVersion"], 55);
    let categories = list(&meta["categories"]);
    let schemas: Vec<&str> = list(&meta["markerSchema"]).iter().map(|schema| text(&schema["name"])).collect();
    list(&document["threads"]).iter().map(|thread| firefox_thread(thread, categories, &schemas)).collect()
}

#[track_caller]
fn firefox_thread(thread: &Value, categories: &[Value], schemas: &[&str]) -> Lane {
    const MS: f64 = 1e6;
    let column = |table: &str, name: &str| -> Vec<Value> {
        let table = &thread[table];
        let column = list(&table[name]);
        assert_eq!(column.len() as u64, whole(&table["length"]), "{name}");
        column.to_vec()
    };
    let strings = list(&thread["stringArray"]);
    let functions = column("funcTable", "name");
    let (frames, frame_categories) = (column("frameTable", "func"), column("frameTable", "category"));
    let (prefixes, stack_frames) = (column("stackTable", "prefix"), column("stackTable", "frame"));
    // Callers come before callees, so each stack can be made as it is read.
    let mut stacks: Vec<(Vec<String>, String)> = Vec::new();
    for (prefix, frame) in prefixes.iter().zip(&stack_frames) {
        let mut names = if prefix.is_null() { Vec::new() } else { stacks[index(prefix)].0.clone() };
        let function = index(&frames[index(frame)]);
        names.push(text(&strings[index(&functions[function])]).to_owned());
        let category = &categories[index(&frame_categories[index(frame)])];
        stacks.push((names, text(&category["name"]).to_owned()));
    }
    let mut lane = Lane { name: text(&thread["name"]).to_owned(), ..Lane::default() };
    let (samples, deltas) = (column("samples", "stack"), column("samples", "timeDeltas"));
    let (weights, used) = (column("samples", "weight"), column("samples", "threadCPUDelta"));
    let mut at_ns = 0;
    let mut busy_before = None;
    let mut is_open = false;
    for (at, (stack, delta)) in samples.iter().zip(&deltas).enumerate() {
        let delta_ns = ns(delta, MS);
        at_ns += delta_ns;
        if let Some(last) = lane.samples.last_mut().filter(|_| is_open) {
            last.end_ns = at_ns;
        }
        // The CPU time since the sample before, in µs, is all of the interval or none.
        let used_us = whole(&used[at]);
        if let Some(is_busy) = busy_before {
            assert!(used_us == if is_busy { delta_ns / 1000 } else { 0 }, "{used_us} of {delta_ns} ns");
        }
        is_open = !stack.is_null();
        assert_eq!(whole(&weights[at]), u64::from(is_open), "only samples with a stack count");
        busy_before = Some(false);
        if is_open {
            let (stack, category) = stacks[index(stack)].clone();
            busy_before = Some(category != "idle");
            lane.samples.push(Shown { start_ns: at_ns, end_ns: at_ns, stack, category });
        }
    }
    let (data, names) = (column("markers", "data"), column("markers", "name"));
    let (starts, ends) = (column("markers", "startTime"), column("markers", "endTime"));
    for (at, data) in data.iter().enumerate() {
        assert!(schemas.contains(&text(&data["type"])), "{data} has a schema");
        let marker = Marker {
            kind: text(&strings[index(&names[at])]).to_owned(),
            start_ns: ns(&starts[at], MS),
            end_ns: ns(&ends[at], MS),
            text: text(&strings[index(&data["text"])]).to_owned(),
        };
        match marker.kind.as_str() {
            "lost" => lane.lost.push((marker.start_ns, marker.end_ns)),
            _ => lane.markers.push(marker),
        }
    }
    lane
}

/// A thread of a Chrome trace.
#[derive(Default)]
struct Track {
    lane: Lane,
    /// Name and category of each open slice.
    open: Vec<(String, String)>,
    at_ns: u64,
    /// The number of samples that the tasks' slices claim.
    counted: u64,
}

/// Reads Chrome trace events, by the document "Trace Event Format": B and E nest in each thread and
/// are in time order. A lane's samples are the stretches in which its slices do not change. With
/// each lane comes the number of samples that its tasks' slices claim.
#[track_caller]
pub fn chrome(json: &str) -> Vec<(Lane, u64)> {
    const US: f64 = 1e3;
    let document: Value = serde_json::from_str(json).expect("JSON");
    let mut tracks: BTreeMap<(u64, u64), Track> = BTreeMap::new();
    let mut order: BTreeMap<(u64, u64), u64> = BTreeMap::new();
    for event in list(&document["traceEvents"]) {
        let id = (whole(&event["pid"]), whole(&event["tid"]));
        assert!(id.0 > 0 && id.1 > 0 && id.0.max(id.1) <= u64::from(u32::MAX), "{id:?}: Perfetto hides 0");
        let track = tracks.entry(id).or_default();
        let phase = text(&event["ph"]);
        if phase == "M" {
            match text(&event["name"]) {
                "thread_name" => track.lane.name = text(&event["args"]["name"]).to_owned(),
                "thread_sort_index" => drop(order.insert(id, whole(&event["args"]["sort_index"]))),
                "process_name" => assert!(event["args"]["name"].is_string()),
                other => panic!("{other} is no metadata"),
            }
            continue;
        }
        let at_ns = ns(&event["ts"], US);
        assert!(at_ns >= track.at_ns, "{event} is late");
        if at_ns > track.at_ns && !track.open.is_empty() {
            let (stack, categories): (Vec<String>, Vec<String>) = track.open.iter().cloned().unzip();
            let category = categories.last().cloned().unwrap_or_default();
            let (start_ns, end_ns) = (track.at_ns, at_ns);
            track.lane.samples.push(Shown { start_ns, end_ns, stack, category });
        }
        track.at_ns = at_ns;
        match phase {
            "B" => track.open.push((text(&event["name"]).to_owned(), text(&event["cat"]).to_owned())),
            "E" => {
                track.open.pop().unwrap_or_else(|| panic!("{event} ends nothing"));
                let samples = &event["args"]["samples"];
                assert_eq!(samples.is_null(), !track.open.is_empty(), "{event}");
                track.counted += samples.as_u64().unwrap_or(0);
            }
            "X" => {
                let (name, end_ns) = (text(&event["name"]), at_ns + ns(&event["dur"], US));
                match text(&event["cat"]) {
                    "lost" => track.lane.lost.push((at_ns, end_ns)),
                    _ => {
                        let (kind, text) = name.split_once(' ').expect("a kind and a text");
                        let (kind, text) = (kind.to_owned(), text.to_owned());
                        track.lane.markers.push(Marker { kind, start_ns: at_ns, end_ns, text });
                    }
                }
            }
            other => panic!("{other} is no phase"),
        }
    }
    assert!(tracks.values().all(|track| track.open.is_empty()), "all that begins ends");
    let mut lanes: Vec<(u64, bool, Lane, u64)> = Vec::new();
    for (id, track) in tracks {
        let is_markers = track.lane.samples.is_empty() && !track.lane.markers.is_empty();
        lanes.push((order[&id], is_markers, track.lane, track.counted));
    }
    lanes.sort_by_key(|&(order, is_markers, ..)| (order, is_markers));
    // Markers have threads of their own, which follow their lane's.
    let mut read: Vec<(Lane, u64)> = Vec::new();
    for (_, is_markers, lane, counted) in lanes {
        match read.last_mut().filter(|_| is_markers) {
            Some((of, _)) => of.markers.extend(lane.markers),
            None => read.push((lane, counted)),
        }
    }
    read.iter_mut().for_each(|(lane, _)| lane.markers.sort_by_key(|marker| (marker.start_ns, marker.end_ns)));
    read
}
