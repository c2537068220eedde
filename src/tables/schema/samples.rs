//! The columns of the tables of samples, which are written on request.

use crate::tables::column::Column;
use crate::tables::samples::{FrameRow, SampleRow, StackRow};

use super::shared::{long, short};

pub fn samples<'r>() -> Vec<Column<SampleRow<'r>>> {
    type C<'r> = Column<SampleRow<'r>>;
    vec![
        C::text("recording", "id of the recording", |row| Some(row.recording)),
        C::time("time", "when (UTC)", |row| row.time),
        C::long("time_ns", "when, by the recording's clock", |row| long(row.time_ns)),
        C::short("cpu", "CPU", |row| row.cpu.and_then(short)),
        C::text("comm", "comm of the task", |row| Some(row.comm)),
        C::short("pid", "pid of the task", |row| Some(row.pid)),
        C::short("tid", "tid of the task", |row| Some(row.tid)),
        C::short("stack", "its stack, in the table stacks", |row| Some(row.stack)),
        C::long("held_ns", "how long it represents", |row| long(row.held_ns)),
        C::text("cgroup", "control group of the task", |row| row.cgroup),
    ]
}

pub fn stacks<'r>() -> Vec<Column<StackRow<'r>>> {
    type C<'r> = Column<StackRow<'r>>;
    vec![
        C::text("recording", "id of the recording", |row| Some(row.recording)),
        C::time("time", "begin of the recording (UTC)", |row| row.time),
        C::short("stack", "number of the stack in it", |row| Some(row.stack)),
        C::short("depth", "place of the frame, from 0, the root", |row| Some(row.depth)),
        C::short("frame", "the frame, in the table frames", |row| Some(row.frame)),
    ]
}

pub fn frames<'r>() -> Vec<Column<FrameRow<'r>>> {
    type C<'r> = Column<FrameRow<'r>>;
    vec![
        C::text("recording", "id of the recording", |row| Some(row.recording)),
        C::time("time", "begin of the recording (UTC)", |row| row.time),
        C::short("frame", "number of the frame in it", |row| Some(row.frame)),
        C::text("function", "name of the function", |row| Some(&row.function)),
        C::text("module", "file or memory that it is in", |row| row.module.as_deref()),
        C::text("mode", "user, kernel, guest or hypervisor", |row| Some(row.mode)),
    ]
}
