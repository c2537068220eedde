//! The columns of folded stacks, which `-F` selects.

use crate::error::{Error, Result};

/// A column of folded stacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The CPU's number.
    Cpu,
    /// Seconds of the recording's clock, with nine decimals.
    Time,
    /// Process id.
    Pid,
    /// Thread id.
    Tid,
    /// Name of the event.
    Event,
    /// Comm and functions, root first.
    Stack,
    /// The weight.
    Count,
}

impl Field {
    /// All columns with their names for `-F`.
    pub const ALL: [(&'static str, Field); 7] = [
        ("cpu", Field::Cpu),
        ("time", Field::Time),
        ("pid", Field::Pid),
        ("tid", Field::Tid),
        ("event", Field::Event),
        ("stack", Field::Stack),
        ("count", Field::Count),
    ];

    /// The columns of a list such as `cpu,time,stack`.
    ///
    /// # Errors
    ///
    /// If the list has a name that is not a column's.
    pub fn parse_list(list: &str) -> Result<Vec<Field>> {
        list.split(',')
            .map(|name| {
                let entry = Field::ALL.iter().find(|(entry, _)| *entry == name.trim());
                entry.map(|(_, field)| *field).ok_or_else(|| {
                    let names: Vec<&str> = Field::ALL.iter().map(|(entry, _)| *entry).collect();
                    Error::Usage(format!("-F {list}: no field {name:?}; there are {}", names.join(",")))
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_named() {
        assert_eq!(Field::parse_list("cpu,time").unwrap(), [Field::Cpu, Field::Time]);
        assert!(Field::parse_list("999").unwrap_err().to_string().contains("no field"));
        assert!(Field::parse_list("").is_err());
    }
}
