//! The result: which nodes are bad, since when, and by what.

use crate::analyses::rows::Moment;

use super::options::Options;

/// What the recordings of many nodes say together.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FleetReport {
    /// How nodes to drain were chosen.
    pub options: Options,
    /// All of it in numbers.
    pub totals: Totals,
    /// The culprits, those on most nodes first.
    pub culprits: Vec<Culprit>,
    /// The nodes, those that stalled longest first.
    pub nodes: Vec<Node>,
    /// The nodes of which less can be said than of the others.
    pub groups: Vec<Group>,
    /// Files that hold a recording of another file.
    pub twins: Vec<Twin>,
    /// Files that could not be read.
    pub skipped: Vec<Skipped>,
}

/// The answer in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There are nodes to drain.
    Drain,
    /// There is none.
    Calm,
    /// It cannot be told: no node can be judged.
    Unclear,
}

impl Outcome {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Drain => "drain",
            Outcome::Calm => "calm",
            Outcome::Unclear => "unclear",
        }
    }
}

impl FleetReport {
    /// The nodes to drain, the worst first.
    pub fn drained(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.drain.is_some())
    }

    /// The answer.
    pub fn outcome(&self) -> Outcome {
        match (self.totals.drained, self.totals.judged) {
            (0, 0) => Outcome::Unclear,
            (0, _) => Outcome::Calm,
            _ => Outcome::Drain,
        }
    }
}

/// All of it in numbers. Of stalls, those of medium or high confidence count.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Totals {
    /// Nodes.
    pub nodes: u64,
    /// Nodes that stalled, or would have been seen to.
    pub judged: u64,
    /// Nodes with a stall.
    pub stalling: u64,
    /// Nodes to drain.
    pub drained: u64,
    /// Recordings, without twins.
    pub recordings: u64,
    /// The releases of the kernel, each with how many nodes have it, the most frequent first.
    pub kernels: Vec<(String, u64)>,
    /// When the first recording begins.
    pub first: Moment,
    /// When the last one ends.
    pub last: Moment,
    /// How long the nodes were observed, added up, in ns. Recordings of one node at the same time
    /// count once.
    pub observed_ns: u64,
    /// Stalls that count.
    pub stalls: u64,
    /// How long they are together, in ns.
    pub stalled_ns: u64,
    /// Stalls of low confidence, which do not count.
    pub unsure: u64,
    /// Stalls that another recording of the same time has, too.
    pub repeated: u64,
    /// The least and the greatest length, in ns, that was asked for as that of the shortest stall.
    pub min_ns: (u64, u64),
}

/// A node: what is called by one host name.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Node {
    /// Which one it is.
    pub name: NodeName,
    /// Its recordings, without twins.
    pub recordings: u64,
    /// The releases of its kernels.
    pub kernels: Vec<String>,
    /// What else is known of it.
    pub labels: Vec<(String, String)>,
    /// Whether it stalled, or would have been seen to.
    pub is_judged: bool,
    /// Stalls that count.
    pub stalls: u64,
    /// How long they are together, in ns.
    pub stalled_ns: u64,
    /// The length of the longest, in ns.
    pub longest_ns: u64,
    /// How long it was observed, in ns.
    pub observed_ns: u64,
    /// `stalled_ns` as a share of `observed_ns`; `None` if it tells nothing, since a recording may
    /// have been kept because of a stall.
    pub share: Option<f64>,
    /// When the first stall began.
    pub first: Moment,
    /// When the last one began.
    pub last: Moment,
    /// Whether stalls become more frequent; `None` if that cannot be told.
    pub trend: Option<Trend>,
    /// Who held its CPUs longest.
    pub worst: Option<Worst>,
    /// Why it should be drained.
    pub drain: Option<Drain>,
}

/// Which node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeName {
    /// The one with this host name, as it was recorded or given: not safe to print.
    Host(String),
    /// That of the recording in this file, which has no host name.
    OfFile(String),
}

impl NodeName {
    /// The host name, not safe to print.
    pub fn host(&self) -> Option<&str> {
        match self {
            NodeName::Host(host) => Some(host),
            NodeName::OfFile(_) => None,
        }
    }

    /// The host name, if it is one that Kubernetes and DNS take: a subdomain by RFC 1123. It is
    /// safe as a word of any shell, and no option.
    pub fn safe_host(&self) -> Option<&str> {
        /// The longest name of DNS, in bytes.
        const LONGEST: usize = 253;
        let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_label = |label: &str| {
            let bytes = label.as_bytes();
            let ends = [bytes.first(), bytes.last()];
            ends.iter().all(|end| end.is_some_and(|byte| is_inner(*byte)))
                && bytes.iter().all(|byte| is_inner(*byte) || *byte == b'-')
        };
        self.host().filter(|host| host.len() <= LONGEST && host.split('.').all(is_label))
    }
}

/// How the rate of a node's stalls changes from the first half of its time to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trend {
    /// There are more in the second half, by more than chance.
    Rising,
    /// There are fewer.
    Falling,
    /// The rates differ by less than a factor of two.
    Steady,
}

impl Trend {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Trend::Rising => "rising",
            Trend::Falling => "falling",
            Trend::Steady => "steady",
        }
    }
}

/// The culprit that held a node's CPUs longest.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Worst {
    /// Its name.
    pub culprit: String,
    /// Its stalls there.
    pub stalls: u64,
    /// How long they are together, in ns.
    pub stalled_ns: u64,
}

/// Why a node should be drained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drain {
    /// It has enough stalls, and they take enough of the time.
    Share,
    /// It has enough stalls. What share of the time they take is unknown.
    Stalls,
}

impl Drain {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Drain::Share => "share",
            Drain::Stalls => "stalls",
        }
    }
}

/// All stalls of one culprit.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Culprit {
    /// Its name, safe to print.
    pub culprit: String,
    /// Nodes with a stall of it.
    pub nodes: u64,
    /// Its stalls.
    pub stalls: u64,
    /// How long they are together, in ns.
    pub stalled_ns: u64,
    /// The length of the longest, in ns.
    pub longest_ns: u64,
    /// The function that says what it did in the longest.
    pub function: Option<String>,
    /// When the first began.
    pub first: Moment,
    /// When the last began.
    pub last: Moment,
    /// The cause that at least half of its stalls show.
    pub cause: Option<Cause>,
    /// What the nodes that it stalls have in common, the surest first.
    pub associations: Vec<Association>,
}

/// A known cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Its name, safe to print.
    pub name: String,
    /// Whether it is sure in all stalls that show it.
    pub is_sure: bool,
    /// How many show it.
    pub stalls: u64,
}

/// What a node may have in common with others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribute {
    /// The release of its kernel.
    Kernel(String),
    /// Its architecture.
    Arch(String),
    /// A label with its value.
    Label(String, String),
}

impl Attribute {
    /// Its name and its value.
    pub fn pair(&self) -> (&str, &str) {
        match self {
            Attribute::Kernel(value) => ("kernel", value),
            Attribute::Arch(value) => ("arch", value),
            Attribute::Label(key, value) => (key, value),
        }
    }

    /// Whether it is a label.
    pub fn is_label(&self) -> bool {
        matches!(self, Attribute::Label(..))
    }
}

/// A culprit stalls nodes with an attribute more often than others. What is counted is a node with
/// one kernel: after an upgrade it is another.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Association {
    /// The attribute.
    pub attribute: Attribute,
    /// Whether all that the culprit stalls have it.
    pub is_only: bool,
    /// How many the culprit stalls.
    pub affected: u64,
    /// How many of them have it.
    pub affected_with: u64,
    /// How many it does not stall.
    pub others: u64,
    /// How many of them have it.
    pub others_with: u64,
    /// The probability that chance alone puts it on as many that the culprit stalls.
    pub p_value: f64,
    /// The same, corrected for all that was asked.
    pub corrected: f64,
}

/// Nodes of which less can be said than of others, for one reason.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Group {
    /// The reason.
    pub reason: Reason,
    /// The nodes, as positions in the list of all nodes, by name.
    pub nodes: Vec<usize>,
    /// How many of their recordings it concerns.
    pub recordings: u64,
}

/// Why less can be said.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// No stall was seen, but it would not have been: the code of the doubt, safe to print.
    Unknown(String),
    /// Nobody recorded the host name.
    NoHost,
    /// The time of day of its stalls is unknown.
    NoTime,
    /// Kernel functions have no names.
    NoNames,
    /// Part of a recording could not be read.
    Damaged,
    /// Its CPUs were overloaded.
    Overloaded,
}

impl Reason {
    /// The word for it.
    pub fn name(&self) -> &'static str {
        match self {
            Reason::Unknown(_) => "unknown",
            Reason::NoHost => "no_host",
            Reason::NoTime => "no_time",
            Reason::NoNames => "no_names",
            Reason::Damaged => "damaged",
            Reason::Overloaded => "overloaded",
        }
    }
}

/// A recording that is there twice. Only one of them counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Twin {
    /// The file that does not count.
    pub file: String,
    /// The one that does.
    pub of: String,
}

/// What could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub file: String,
    /// Why.
    pub why: String,
}
