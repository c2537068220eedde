//! What the columns of several tables share.

use crate::analyses::rows::Who;
use crate::tables::column::Column;

/// A number of 64 bits as engines read it.
pub fn long(number: u64) -> Option<i64> {
    Some(i64::try_from(number).unwrap_or(i64::MAX))
}

/// The number of a CPU as engines read it.
pub fn short(number: u32) -> Option<i32> {
    Some(i32::try_from(number).unwrap_or(i32::MAX))
}

/// A row that says who held a CPU.
pub trait HasWho {
    fn who(&self) -> &Who;
}

/// The columns that say who held a CPU: the fields of `culprit` in JSON.
pub fn who<R: HasWho>() -> Vec<Column<R>> {
    vec![
        Column::<R>::text("culprit", "who held the CPU, in what: one name for all nodes", |row| {
            row.who().culprit.as_deref()
        }),
        Column::<R>::text("holder", "task, softirq, interrupt or machine; NULL: nobody knows", |row| {
            row.who().holder
        }),
        Column::<R>::text("comm", "comm of the task", |row| row.who().comm.as_deref()),
        Column::<R>::short("pid", "pid of the task", |row| row.who().pid),
        Column::<R>::short("tid", "tid of the task", |row| row.who().tid),
        Column::<R>::text("softirq", "softirq whose action held the CPU", |row| row.who().softirq),
        Column::<R>::short("irq", "number of the interrupt", |row| row.who().irq),
        Column::<R>::text("interrupt", "name of the interrupt's handler", |row| {
            row.who().interrupt.as_deref()
        }),
        Column::<R>::text("interrupted", "comm of the bystander that was interrupted", |row| {
            row.who().interrupted.as_deref()
        }),
        Column::<R>::text(
            "owner",
            "system_call, kernel_thread, exception, softirq, interrupt or unknown",
            |row| row.who().owner,
        ),
        Column::<R>::text("syscall", "system call", |row| row.who().syscall.as_deref()),
        Column::<R>::text("function", "function that says what the work is", |row| {
            row.who().function.as_deref()
        }),
        Column::<R>::text("path", "functions, outermost first, with ; between them", |row| {
            row.who().path.as_deref()
        }),
        Column::<R>::text("cgroup", "control group of the task", |row| row.who().cgroup.as_deref()),
        Column::<R>::text("pod_uid", "UID of its pod", |row| row.who().pod_uid.as_deref()),
        Column::<R>::text("container_id", "id of its container", |row| row.who().container_id.as_deref()),
        Column::<R>::text("known", "name of the surest known cause", |row| row.who().cause.as_deref()),
        Column::<R>::text("certainty", "sure or possible", |row| row.who().certainty),
    ]
}
