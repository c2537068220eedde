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
//! | place in a module | tells frames of unnamed code apart | not kept | nothing is looked up by it |

mod clocks;
mod forms;
mod hostile;
mod lines;
mod same;
mod texts;
