//! The columns of the table of windows.

use crate::analyses::rows::{Who, WindowRow};
use crate::tables::column::Column;

use super::shared::{HasWho, long, short, who};

impl HasWho for WindowRow {
    fn who(&self) -> &Who {
        &self.who
    }
}

pub fn windows() -> Vec<Column<WindowRow>> {
    type C = Column<WindowRow>;
    let mut columns = vec![
        C::text("recording", "id of the recording", |row| Some(&row.recording)),
        C::short("episode", "its number in it, from 1", |row| Some(row.episode)),
        C::time("time", "begin of the episode, end of its window (UTC)", |row| row.time),
        C::long("start_ns", "the same, by the recording's clock", |row| long(row.start_ns)),
        C::long("duration_ns", "length of the episode", |row| long(row.duration_ns)),
        C::long("window_ns", "length of the window before it", |row| long(row.window_ns)),
        C::short("cpu", "CPU", |row| short(row.cpu)),
        C::text("trigger", "comm of the first trigger sample", |row| Some(&row.trigger)),
        C::long("trigger_samples", "trigger samples", |row| long(row.trigger_samples)),
        C::text("softirqs", "softirqs that they served, with their number: net_rx:3,timer:1", |row| {
            row.softirqs.as_deref()
        }),
        C::long("samples", "samples of the window", |row| long(row.samples)),
        C::long("idle_samples", "how many of them are idle", |row| long(row.idle_samples)),
        C::long("interrupt_samples", "how many of the others are in interrupts", |row| {
            long(row.interrupt_samples)
        }),
        C::long("lost", "records lost in it", |row| long(row.lost)),
    ];
    columns.extend(who());
    columns.extend([
        C::long("path_samples", "samples in the dominating path", |row| row.path_samples.and_then(long)),
        C::fraction("share", "their share of the samples that are not idle, from 0 to 1", |row| row.share),
        C::long("held_ns", "how long the path held the CPU", |row| row.held_ns.and_then(long)),
        C::text("verdict", "culprit, lead, suspect, brief or common, as all windows say", |row| row.verdict),
    ]);
    columns
}
