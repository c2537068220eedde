//! The layout of the folder: `TABLE/date=DATE/node=NODE/RECORDING.parquet`, which engines read as a
//! table with the columns `date` and `node` (partitions, as Hive names folders).

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::analyses::rows::Moment;
use crate::model::utc;

use super::schema::Table;

/// The day of rows without a time of day. Hive's own name for no value is an error in ClickHouse,
/// and in DuckDB before 2.0 where a date is declared; so is a date before 1970 in ClickHouse.
const NO_DAY: &str = "1970-01-01";
/// The name of a node of which nobody knows the name.
const NO_NODE: &str = "unknown";

/// The day of a moment, as the name of a partition.
pub(super) fn day(moment: Moment) -> String {
    match moment {
        Some(us) => match utc(i128::from(us) * 1000).split_once(' ') {
            Some((day, _)) if day.len() == NO_DAY.len() => day.to_owned(),
            // No clock shows a year after 9999.
            _ => NO_DAY.to_owned(),
        },
        None => NO_DAY.to_owned(),
    }
}

/// The file of the rows of a recording that lie on one day.
pub(super) fn path(table: Table, day: &str, node: Option<&str>, recording: &str) -> PathBuf {
    let node = node.map_or_else(|| NO_NODE.to_owned(), partition);
    [table.name(), &format!("date={day}"), &format!("node={node}"), &format!("{recording}.parquet")]
        .iter()
        .collect()
}

/// The node that a path names.
pub(super) fn node_of(path: &Path) -> Option<String> {
    let parts = path.iter().map(|part| part.to_string_lossy());
    parts.filter_map(|part| part.strip_prefix("node=").map(str::to_owned)).next_back()
}

/// The rows of each day, by the order of time.
pub(super) fn days<R>(rows: &[R], moment: impl Fn(&R) -> Moment) -> Vec<(String, Range<usize>)> {
    let mut days: Vec<(String, Range<usize>)> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let day = day(moment(row));
        match days.last_mut() {
            Some((last, range)) if *last == day => range.end = index + 1,
            _ => days.push((day, index..index + 1)),
        }
    }
    days
}

/// A node's name as the name of a partition.
///
/// Engines guess the type of partitions: a name that looks like a number or a date would be one,
/// and 007 would be 7. Other characters would have to be escaped, which engines do in different
/// ways. So the partition of such a node ends with a hash of its name. The table of recordings has
/// the name itself.
fn partition(node: &str) -> String {
    const LONGEST: usize = 200;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let has_letter_first = node.starts_with(|c: char| c.is_ascii_alphabetic());
    let is_name = has_letter_first && node.len() <= LONGEST && node.bytes().all(is_plain);
    if is_name && !is_value(node) {
        return node.to_owned();
    }
    let plain = |byte: u8| if is_plain(byte) { char::from(byte) } else { '_' };
    let kept: String = node.bytes().take(LONGEST).map(plain).collect();
    let letters = if has_letter_first { "" } else { "node-" };
    format!("{letters}{kept}-{:08x}", hash(node))
}

/// Whether an engine takes a name for a value: `nan`, or `t1`, which ClickHouse reads as true.
fn is_value(name: &str) -> bool {
    let words = ["nan", "inf", "infinity", "null", "true", "false", "epoch", NO_NODE];
    let number = name.strip_prefix(['f', 'n', 't', 'F', 'N', 'T']);
    words.iter().any(|word| name.eq_ignore_ascii_case(word))
        || number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// FNV-1a, whose result is the same in each version of this program.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_nodes_are_safe_names_of_folders() {
        for plain in ["ip-10-0-3-17.ec2.internal", "node7", "NODE_7", "nan1", "e5"] {
            assert_eq!(partition(plain), plain);
        }
        for odd in [
            "",
            "007",
            "1e5",
            "2026-11-28",
            "0x7",
            "NaN",
            "null",
            "t1",
            "N",
            "Infinity",
            "unknown",
            "10.0.0.1",
            "../../etc",
            "/",
            ".",
            "..",
            "a/b",
            "a=b",
            "a%2Fb",
            "é",
            "a b",
            "-rf",
            "_x",
            "a\nb",
            "x';--",
            "1d",
        ] {
            let name = partition(odd);
            let is_safe = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            let has_letter_first = name.starts_with(|c: char| c.is_ascii_alphabetic());
            assert!(has_letter_first && name.chars().all(is_safe) && name != odd, "{odd}: {name}");
        }
        assert_ne!(partition("a/b"), partition("a=b"));
        assert!(partition(&"n".repeat(5000)).len() < 255);
    }

    #[test]
    fn rows_are_divided_by_days() {
        let second = 1_000_000;
        let moments = [Some(86_399 * second), Some(86_399 * second + 1), Some(86_400 * second), None];
        let expected = [("1970-01-01", 0..2), ("1970-01-02", 2..3), (NO_DAY, 3..4)];
        assert_eq!(days(&moments, |one| *one), expected.map(|(day, rows)| (day.to_owned(), rows)));
    }
}
