//! Text of perf script as input: it gives the same results as the perf.data that it was printed
//! from, also where the text is odd, cut or damaged.
//!
//! These results on a text differ on purpose:
//!
//! | what | perf.data | text | reason |
//! | --- | --- | --- | --- |
//! | kernel, machine, command, frequency | in its header | with `perf script --header` only | perf prints them only then |
//! | control group, pod, container | with `--all-cgroups` | with `-F +cgroup` of newer perfs only | the same |
//! | time | ns | µs without `--ns` | the same |
//! | pid | always | −1 without `-F +pid` | the same |
//! | events that never fired, pauses | known | not known | perf prints nothing of them |
//! | upper-half address in no module, where frame pointers went astray | user, by the chain's marker | kernel | perf prints no markers |
//! | pid of a thread that only events name | known | −1, by switch records known | tracepoints print no pid |
//! | comm of such a thread | as perf has it | as the kernel has it | perf adds its work to a kernel worker's |
//! | number of `syscalls:sys_enter_NAME` | in the payload | by the name, and the architecture | perf does not print it |
//! | arguments of `syscalls:sys_enter_NAME` | 64 bits | 32 bits if they are an int; none where the call takes none | perf prints them so |
//! | whether a tracepoint was sampled | in its attribute | with `perf script --header`, else by its records | perf prints it only then |
//! | begin of a call that a thread was born in | its birth | that of the recording | perf prints it with --show-task-events only |
//! | place in a module | tells frames of unnamed code apart | not kept | nothing is looked up by it |

mod clocks;
mod events;
mod forms;
mod hostile;
mod lines;
mod same;
mod same_events;
mod texts;
