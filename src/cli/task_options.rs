//! Options that select tasks: by comm, process and thread.

use clap::Args;
use stallgraph::analyses::selection::Selection;

/// Which tasks.
#[derive(Args)]
#[command(next_help_heading = "Selection")]
pub struct TaskOptions {
    /// Only tasks with these comms: a,b
    #[arg(short, long, value_name = "LIST", value_delimiter = ',')]
    comms: Option<Vec<String>>,
    /// Only these processes: 1,2
    #[arg(long, value_name = "LIST", value_delimiter = ',', allow_negative_numbers = true)]
    pid: Option<Vec<i32>>,
    /// Only these threads: 1,2
    #[arg(long, value_name = "LIST", value_delimiter = ',', allow_negative_numbers = true)]
    tid: Option<Vec<i32>>,
}

impl TaskOptions {
    /// `selection`, limited to these tasks.
    pub fn limit(&self, selection: Selection) -> Selection {
        Selection { comms: self.comms.clone(), pids: self.pid.clone(), tids: self.tid.clone(), ..selection }
    }
}
