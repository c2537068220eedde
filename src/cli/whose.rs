//! Options that choose tasks: by comm, process and thread.

use clap::Args;
use stallgraph::analyses::selection::Selection;

/// Whose.
#[derive(Args)]
pub struct Whose {
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

impl Whose {
    /// The selection, of these tasks only.
    pub fn of(&self, selection: Selection) -> Selection {
        Selection { comms: self.comms.clone(), pids: self.pid.clone(), tids: self.tid.clone(), ..selection }
    }
}
