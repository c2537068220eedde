//! What tracepoints tell, from their fields as perf prints them.
//!
//! libtraceevent prints the fields in the words of the event's TP_printk, which is in
//! include/trace/events of the kernel: irq.h, sched.h, syscalls.h, napi.h, net.h. Its plugin
//! sched_switch, if it is installed, prints `sched_switch`, `sched_wakeup` and `sched_wakeup_new`
//! in words of its own (plugin_sched_switch.c). What is printed in any other form is not read.

use crate::ingest::tracepoint::{RawTrace, softirq};
use crate::model::{LeaveReason, Sleep, TraceKind, Tracepoint};

use super::scanner::Scanner;

/// What a line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrintedTrace<'a> {
    /// What happened. A system call that is named by its tracepoint has the number 0.
    pub trace: RawTrace<'a>,
    /// The other thread that the line names; `None` if it names none.
    pub other: Option<PrintedThread<'a>>,
}

/// A thread that a line names, besides the one that it begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrintedThread<'a> {
    /// Process id; −1 if it is not printed.
    pub pid: i32,
    /// Thread id.
    pub tid: i32,
    /// Its comm; empty if it is not printed.
    pub comm: &'a [u8],
}

/// What the printed `fields` of a tracepoint tell; `None` if they are not in a form that it is
/// printed in.
pub fn read_trace(tracepoint: Tracepoint, fields: &[u8]) -> Option<PrintedTrace<'_>> {
    let mut scanner = Scanner::new(fields);
    let from = &mut scanner;
    let mut other = None;
    let trace = match tracepoint {
        Tracepoint::SoftirqRaise => RawTrace::Known(TraceKind::SoftirqRaise(softirq(vector(from)?)?)),
        Tracepoint::SoftirqEntry => RawTrace::Known(TraceKind::SoftirqEntry(softirq(vector(from)?)?)),
        Tracepoint::SoftirqExit => RawTrace::Known(TraceKind::SoftirqExit(softirq(vector(from)?)?)),
        Tracepoint::InterruptEntry => {
            from.literal(b"irq=")?;
            let irq = from.small()?;
            from.literal(b" name=")?;
            RawTrace::InterruptEntry { irq, name: from.text()? }
        }
        Tracepoint::InterruptExit => {
            from.literal(b"irq=")?;
            let irq = from.small()?;
            from.literal(b" ret=")?;
            from.literal(b"handled").or_else(|| from.literal(b"unhandled"))?;
            RawTrace::Known(TraceKind::InterruptExit { irq })
        }
        Tracepoint::Switch => {
            let (next, why) = switch(from).or_else(|| {
                *from = Scanner::new(fields);
                switch_of_plugin(from)
            })?;
            other = Some(next);
            RawTrace::Switch { next_tid: next.tid, why }
        }
        Tracepoint::Waking | Tracepoint::Wakeup | Tracepoint::WakeupNew => {
            let (woken, cpu) = waking(from).or_else(|| {
                *from = Scanner::new(fields);
                waking_of_plugin(from)
            })?;
            other = Some(woken);
            RawTrace::Waking { tid: woken.tid, cpu }
        }
        Tracepoint::AnySystemCallEnter => {
            from.literal(b"NR ")?;
            let number = from.small()?;
            from.literal(b" ")?;
            RawTrace::SystemCallEnter { number, arguments: arguments(from)? }
        }
        Tracepoint::AnySystemCallExit => {
            from.literal(b"NR ")?;
            let number = from.small()?;
            from.literal(b" = ")?;
            RawTrace::Known(TraceKind::SystemCallExit { number, result: from.decimal()? })
        }
        // That it was entered is known from the name alone.
        Tracepoint::OneSystemCallEnter => return Some(one_enter(fields)),
        Tracepoint::OneSystemCallExit => {
            from.literal(b"0x")?;
            let result = from.hexadecimal()? as i64;
            RawTrace::Known(TraceKind::SystemCallExit { number: 0, result })
        }
        Tracepoint::NapiPoll => RawTrace::Known(napi_poll(from)?),
        Tracepoint::NetifReceive | Tracepoint::GroReceive => {
            from.literal(b"dev=")?;
            let device = from.word()?;
            from.until(b" len=")?;
            let bytes = from.small()?;
            if tracepoint == Tracepoint::GroReceive {
                from.literal(b" data_len=")?;
                return Some(PrintedTrace { trace: RawTrace::Packet { device, bytes }, other });
            }
            RawTrace::Packet { device, bytes }
        }
        // A probe has the fields that its user chose. That it fired is all that matters.
        Tracepoint::IcmpEchoProbe => {
            return Some(PrintedTrace { trace: RawTrace::Known(TraceKind::Other), other });
        }
    };
    scanner.end()?;
    Some(PrintedTrace { trace, other })
}

/// `vec=3 [action=NET_RX]`.
fn vector(from: &mut Scanner) -> Option<i64> {
    from.literal(b"vec=")?;
    let vector = from.decimal()?;
    from.literal(b" [action=")?;
    from.until(b"]")?;
    Some(vector)
}

/// `prev_comm=a prev_pid=1 prev_prio=120 prev_state=R+ ==> next_comm=b next_pid=2 next_prio=120`.
fn switch<'a>(from: &mut Scanner<'a>) -> Option<(PrintedThread<'a>, LeaveReason)> {
    from.literal(b"prev_comm=")?;
    let (_, why) = from.comm(b" prev_pid=", |from| {
        from.decimal()?;
        from.literal(b" prev_prio=")?;
        from.decimal()?;
        from.literal(b" prev_state=")?;
        let why = leave_reason(from.word()?)?;
        from.literal(b" ==> next_comm=")?;
        Some(why)
    })?;
    let (comm, tid) = from.comm(b" next_pid=", |from| {
        let tid = from.small()?;
        from.literal(b" next_prio=")?;
        from.decimal()?;
        from.end()?;
        Some(tid)
    })?;
    Some((PrintedThread { pid: -1, tid, comm }, why))
}

/// `a:1 [120] R ==> b:2 [120]`.
fn switch_of_plugin<'a>(from: &mut Scanner<'a>) -> Option<(PrintedThread<'a>, LeaveReason)> {
    let after_pid = |from: &mut Scanner| {
        let tid = from.small()?;
        from.literal(b" [")?;
        from.decimal()?;
        from.literal(b"]")?;
        Some(tid)
    };
    // A comm may look like all that follows it, up to the arrow.  So what follows the arrow must be
    // whole too.
    let (_, (why, comm, tid)) = from.comm(b":", |from| {
        let _prev_tid: i32 = after_pid(from)?;
        from.literal(b" ")?;
        let why = leave_reason(from.word()?)?;
        from.literal(b" ==> ")?;
        let (comm, tid) = from.comm(b":", |from| {
            let tid = after_pid(from)?;
            from.end()?;
            Some(tid)
        })?;
        Some((why, comm, tid))
    })?;
    Some((PrintedThread { pid: -1, tid, comm }, why))
}

/// Why a task with this printed state left the CPU: `R`, `S`, `D|W`. A plus says that a runnable
/// task was preempted.
fn leave_reason(state: &[u8]) -> Option<LeaveReason> {
    let is_state = state.iter().all(|byte| byte.is_ascii_alphanumeric() || b"|+".contains(byte));
    let sleep = match state {
        b"R" | b"R+" => return Some(LeaveReason::Runnable),
        [b'S' | b'I', ..] => Sleep::Interruptible,
        [b'D', ..] => Sleep::Uninterruptible,
        [b'T' | b't', ..] => Sleep::Stopped,
        [b'X' | b'Z' | b'x', ..] => Sleep::Ended,
        _ => Sleep::Unknown,
    };
    is_state.then_some(LeaveReason::Asleep(sleep))
}

/// `comm=a pid=1 prio=120 target_cpu=001`; before 4.14 with ` success=1`.
fn waking<'a>(from: &mut Scanner<'a>) -> Option<(PrintedThread<'a>, u32)> {
    from.literal(b"comm=")?;
    let (comm, (tid, cpu)) = from.comm(b" pid=", |from| {
        let tid = from.small()?;
        from.literal(b" prio=")?;
        from.decimal()?;
        if from.literal(b" success=").is_some() {
            from.decimal()?;
        }
        from.literal(b" target_cpu=")?;
        let cpu = from.small()?;
        from.end()?;
        Some((tid, cpu))
    })?;
    Some((PrintedThread { pid: -1, tid, comm }, cpu))
}

/// `a:1 [120] success=1 CPU:001`. Where the kernel has no such field, the plugin says so instead of
/// ` success=1`.
fn waking_of_plugin<'a>(from: &mut Scanner<'a>) -> Option<(PrintedThread<'a>, u32)> {
    let (comm, (tid, cpu)) = from.comm(b":", |from| {
        let tid = from.small()?;
        from.literal(b" [")?;
        from.decimal()?;
        from.literal(b"]")?;
        if from.literal(b" success=").is_some() {
            from.decimal()?;
        } else {
            from.literal(b"<CANT FIND FIELD success>")?;
        }
        from.literal(b" CPU:")?;
        let cpu = from.small()?;
        from.end()?;
        Some((tid, cpu))
    })?;
    Some((PrintedThread { pid: -1, tid, comm }, cpu))
}

/// `(3, 7f0010, 400, 0, 0, 0)`.
fn arguments(from: &mut Scanner) -> Option<[u64; 6]> {
    let mut arguments = [0; 6];
    for (at, argument) in arguments.iter_mut().enumerate() {
        from.literal(if at == 0 { b"(" } else { b", " })?;
        *argument = from.hexadecimal()?;
    }
    from.literal(b")")?;
    Some(arguments)
}

/// `fd: 0x00000003, buf: 0x7f0010, count: 0x00000400` (kernel/trace/trace_syscalls.c). Without
/// them, or if one of them has another form, the arguments are not known.
fn one_enter(fields: &[u8]) -> PrintedTrace<'_> {
    /// The index of arguments that are not there.
    const ABSENT: u32 = u32::MAX;
    let trace = match one_arguments(Scanner::new(fields)) {
        Some(arguments) => RawTrace::SystemCallEnter { number: 0, arguments },
        None => RawTrace::Known(TraceKind::SystemCallEnter { number: 0, arguments: ABSENT }),
    };
    PrintedTrace { trace, other: None }
}

fn one_arguments(mut from: Scanner) -> Option<[u64; 6]> {
    let mut arguments = [0; 6];
    for (at, argument) in arguments.iter_mut().enumerate() {
        if at > 0 && from.literal(b", ").is_none() {
            break;
        }
        from.identifier()?;
        from.literal(b": 0x")?;
        *argument = from.hexadecimal()?;
    }
    from.end()?;
    Some(arguments)
}

/// `napi poll on napi struct 0xffff888100a1b010 for device eth0 work 2 budget 64`; before 4.8
/// without work and budget.
fn napi_poll(from: &mut Scanner) -> Option<TraceKind> {
    from.literal(b"napi poll on napi struct ")?;
    from.word()?;
    from.literal(b" for device ")?;
    from.word()?;
    if from.literal(b" work ").is_none() {
        return Some(TraceKind::Other);
    }
    let work = from.small()?;
    from.literal(b" budget ")?;
    Some(TraceKind::NapiPoll { work, budget: from.small()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Softirq;

    /// What perf prints after the fields of an event without a call chain.
    const FRAME: &str = " ffffffff8136026a handle_softirqs+0x2a ([kernel.kallsyms])";

    /// Checks what `text` tells, also where a frame or a control group follows it.
    #[track_caller]
    fn check(tracepoint: Tracepoint, text: &str, trace: RawTrace, other: Option<(i32, &str)>) {
        for end in ["", FRAME, " /system.slice/a b", "          401000 main (/x)"] {
            let line = format!("{text}{end}");
            let got = read_trace(tracepoint, line.as_bytes());
            let named = other.map(|(tid, comm)| PrintedThread { pid: -1, tid, comm: comm.as_bytes() });
            assert_eq!(got, Some(PrintedTrace { trace, other: named }), "{line:?}");
        }
    }

    #[test]
    fn softirqs_interrupts_and_packets() {
        let of = RawTrace::Known;
        let net_rx = Softirq::NetRx;
        let text = "vec=3 [action=NET_RX]";
        check(Tracepoint::SoftirqRaise, text, of(TraceKind::SoftirqRaise(net_rx)), None);
        check(Tracepoint::SoftirqEntry, text, of(TraceKind::SoftirqEntry(net_rx)), None);
        check(Tracepoint::SoftirqExit, text, of(TraceKind::SoftirqExit(net_rx)), None);
        // perf could not name the control group.
        assert!(read_trace(Tracepoint::SoftirqRaise, b"vec=3 [action=NET_RX] unknown").is_some());
        for name in ["virtio1-req.0", "snd hda: card0", "mlx5_comp12@pci:0000:81:00.0"] {
            let entry = RawTrace::InterruptEntry { irq: 36, name: name.as_bytes() };
            check(Tracepoint::InterruptEntry, &format!("irq=36 name={name}"), entry, None);
        }
        for text in ["irq=36 ret=handled", "irq=36 ret=unhandled"] {
            check(Tracepoint::InterruptExit, text, of(TraceKind::InterruptExit { irq: 36 }), None);
        }
        let poll = of(TraceKind::NapiPoll { work: 2, budget: 64 });
        let text = "napi poll on napi struct 0xffff888627d2d188 for device (no_device) work 2 budget 64";
        check(Tracepoint::NapiPoll, text, poll, None);
        let text = "napi poll on napi struct 0xffff888627d2d188 for device eth0";
        check(Tracepoint::NapiPoll, text, of(TraceKind::Other), None);
        let packet = RawTrace::Packet { device: b"eth0", bytes: 28 };
        check(Tracepoint::NetifReceive, "dev=eth0 skbaddr=0xffff8883133df500 len=28", packet, None);
        let text = "dev=eth0 napi_id=0x2001 queue_mapping=1 skbaddr=0xffff88810a7bd800 vlan_tagged=0 \
                    hash=0x00000000 l4_hash=0 len=28 data_len=0 truesize=768 gso_type=0";
        check(Tracepoint::GroReceive, text, packet, None);
        for text in ["", "(ffffffff81e66751)", "(ffffffff81e66751) type=8"] {
            check(Tracepoint::IcmpEchoProbe, text, of(TraceKind::Other), None);
        }
    }

    #[test]
    fn switches_and_wake_ups_of_kernel_and_plugin() {
        // The last ones look like what follows a comm.
        for comm in
            ["swapper/1", "Web Content", "a=b [1]", "", " prev_pid=7 pre", ": next_pid=7", ":1 [1] R ==> "]
        {
            for (state, why) in [
                ("R", LeaveReason::Runnable),
                ("R+", LeaveReason::Runnable),
                ("S", LeaveReason::Asleep(Sleep::Interruptible)),
                ("D|W", LeaveReason::Asleep(Sleep::Uninterruptible)),
            ] {
                let switch = RawTrace::Switch { next_tid: 12, why };
                let text = format!(
                    "prev_comm={comm} prev_pid=7 prev_prio=120 prev_state={state} ==> next_comm={comm} next_pid=12 next_prio=-1"
                );
                check(Tracepoint::Switch, &text, switch, Some((12, comm)));
                let text = format!("{comm}:7 [120] {state} ==> {comm}:12 [-1]");
                if !comm.contains("==>") {
                    check(Tracepoint::Switch, &text, switch, Some((12, comm)));
                }
            }
            let waking = RawTrace::Waking { tid: 12, cpu: 3 };
            for tracepoint in [Tracepoint::Waking, Tracepoint::Wakeup, Tracepoint::WakeupNew] {
                for text in [
                    format!("comm={comm} pid=12 prio=120 target_cpu=003"),
                    format!("comm={comm} pid=12 prio=120 success=1 target_cpu=003"),
                    format!("{comm}:12 [120] success=1 CPU:003"),
                    format!("{comm}:12 [120]<CANT FIND FIELD success> CPU:003"),
                ] {
                    check(tracepoint, &text, waking, Some((12, comm)));
                }
            }
        }
    }

    #[test]
    fn system_calls_of_both_kinds() {
        let exit = |number, result| RawTrace::Known(TraceKind::SystemCallExit { number, result });
        let enter = RawTrace::SystemCallEnter { number: 8, arguments: [3, 0x7a1200, 0, 0, 0, u64::MAX] };
        check(Tracepoint::AnySystemCallEnter, "NR 8 (3, 7a1200, 0, 0, 0, ffffffffffffffff)", enter, None);
        check(Tracepoint::AnySystemCallExit, "NR 8 = 8000000", exit(8, 8_000_000), None);
        check(Tracepoint::AnySystemCallExit, "NR -1 = -110", exit(-1, -110), None);
        let text = "fd: 0x00000003, buf: 0x7ff21d8e70b1, count: 0x00000400";
        let arguments = [3, 0x7ff2_1d8e_70b1, 0x400, 0, 0, 0];
        let enter = RawTrace::SystemCallEnter { number: 0, arguments };
        check(Tracepoint::OneSystemCallEnter, text, enter, None);
        check(Tracepoint::OneSystemCallExit, "0xffffffffffffff92", exit(0, -110), None);
        check(Tracepoint::OneSystemCallExit, "0x1b", exit(0, 0x1b), None);
        // The name alone tells that it was entered.
        let nameless = RawTrace::Known(TraceKind::SystemCallEnter { number: 0, arguments: u32::MAX });
        for text in ["", "filename: \"/etc/hosts\", mode: 0x0"] {
            check(Tracepoint::OneSystemCallEnter, text, nameless, None);
        }
    }

    #[test]
    fn any_other_form_is_not_read() {
        use Tracepoint::*;
        for (tracepoint, text) in [
            (SoftirqRaise, ""),
            (SoftirqRaise, "vec=3"),
            (SoftirqRaise, "vec=3 [action=NET_RX]x"),
            (SoftirqRaise, "vec=3 [action=NET_RX] x"),
            (SoftirqRaise, "vec=10 [action=?]"),
            (SoftirqRaise, "vec=-1 [action=?]"),
            (SoftirqRaise, "[FAILED TO PARSE] vec=3"),
            (SoftirqEntry, "ffffffff8136026a handle_softirqs ([kernel.kallsyms])"),
            (InterruptEntry, "irq=36 name="),
            (InterruptExit, "irq=36 ret=1"),
            (InterruptExit, "irq=99999999999 ret=handled"),
            (
                Switch,
                "prev_comm=a prev_pid=7 prev_prio=120 prev_state=R next_comm=b next_pid=12 next_prio=120",
            ),
            (Switch, "prev_comm=a prev_pid=7 prev_prio=120 prev_state=R ==> next_comm=b next_pid=12"),
            (Switch, "a:7 [120] R ==> b:x [120]"),
            (Waking, "comm=a pid=12 prio=120"),
            (Waking, "comm=a pid=12 prio=120 target_cpu=-1"),
            (AnySystemCallEnter, "NR 8 (3, 7a1200, 0, 0, 0)"),
            (AnySystemCallExit, "NR 8 = "),
            (AnySystemCallExit, "NR 8 = 5 x"),
            (OneSystemCallExit, ""),
            (OneSystemCallExit, "-110"),
            (NapiPoll, "napi poll on napi struct 0x1 for device eth0 work 2"),
            (NetifReceive, "dev=eth0 skbaddr=0x1"),
            (GroReceive, "dev=eth0 len=28"),
        ] {
            assert_eq!(read_trace(tracepoint, text.as_bytes()), None, "{tracepoint:?} {text:?}");
        }
        // No comm is so long.
        let long = format!("comm={} pid=12 prio=120 target_cpu=003", "x".repeat(46));
        assert_eq!(read_trace(Waking, long.as_bytes()), None);
    }
}
