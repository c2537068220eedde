//! The exit codes of each command whose help does not list them.

/// What is the same for all.
const FAILED: &str = "It could not be done. A line on standard error says why.";
const DAMAGED: &str = "Done, on an incomplete input: a part of it could not be read.";
const NAMELESS: &str = "Done, on an incomplete input: a part of it could not be read, or functions \
                        of the kernel have no names.";

/// The exit codes of a command that says nothing of them in its help, with what each means.
pub fn of(command: &str) -> Vec<(char, &'static str)> {
    let (found, nothing, incomplete) = match command {
        "window" => {
            ("There is an episode of ksoftirqd, with a culprit or without.", "There is none.", NAMELESS)
        }
        "stalls" => ("There is a stall or an overload.", "There is none.", NAMELESS),
        "syscalls" => ("A slow system call is listed.", "None is listed.", NAMELESS),
        "offcpu" => ("A thread was off the CPU.", "None was.", DAMAGED),
        "packets" => ("There is a packet.", "There is none.", DAMAGED),
        "collapse" | "chart" | "export" | "report" | "info" => {
            ("There are samples.", "There is none.", DAMAGED)
        }
        "pack" => return vec![('0', "The pack is written."), ('2', FAILED), ('3', DAMAGED)],
        _ => return vec![('0', "Done."), ('2', FAILED)],
    };
    vec![('0', found), ('1', nothing), ('2', FAILED), ('3', incomplete)]
}
