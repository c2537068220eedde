//! Patterns: functions that stand in this order on a path.

use super::wildcard;

/// Functions that stand in this order on a path, outermost first. Others may stand between them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Pattern {
    /// The functions.
    pub steps: Vec<Step>,
}

/// One function of a pattern: the name that it has, or the names that it had in other kernels.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Step {
    /// The names.
    pub alternatives: Vec<Alternative>,
}

/// A name, in which `*` stands for any characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Alternative(String);

impl Alternative {
    /// Whether this is the name of a function. What the compiler appends to a name, such as
    /// `.isra.0`, does not count.
    pub fn is_name_of(&self, function: &str) -> bool {
        wildcard::matches(&self.0, Alternative::as_written(function))
    }

    /// The name, if it has no `*`.
    pub(crate) fn whole_name(&self) -> Option<&str> {
        Some(self.0.as_str()).filter(|name| !name.contains('*'))
    }

    /// The name of a function as its source has it.
    pub(crate) fn as_written(function: &str) -> &str {
        let end = function.find('.').filter(|&at| at > 0).unwrap_or(function.len());
        &function[..end]
    }
}

/// The most functions of a pattern: no cause needs more.
const MOST_STEPS: usize = 16;

impl Pattern {
    /// Reads `a;b|c;d_*`.
    ///
    /// # Errors
    ///
    /// If it is not of this form: what is wrong.
    pub(super) fn parse(text: &str) -> Result<Pattern, String> {
        let steps: Vec<Step> = text.split(';').map(Step::parse).collect::<Result<_, _>>()?;
        if steps.len() > MOST_STEPS {
            return Err(format!("{} functions in a row: at most {MOST_STEPS} are looked for", steps.len()));
        }
        Ok(Pattern { steps })
    }

    /// The pattern as it is written.
    pub fn text(&self) -> String {
        let alternatives = |step: &Step| {
            let names: Vec<&str> =
                step.alternatives.iter().map(|alternative| alternative.0.as_str()).collect();
            names.join("|")
        };
        self.steps.iter().map(alternatives).collect::<Vec<_>>().join(";")
    }
}

impl Step {
    fn parse(text: &str) -> Result<Step, String> {
        let alternative = |name: &str| {
            let name = name.trim();
            let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '*';
            match name {
                "" => Err("an empty name".to_owned()),
                _ if !name.chars().all(is_of_name) => {
                    Err(format!("{name}: a name has letters, digits, _ and * only"))
                }
                // A name of stars alone would match any function.
                _ if name.chars().filter(|c| *c != '*').count() < 3 => {
                    Err(format!("{name}: a name needs three letters at least"))
                }
                _ => Ok(Alternative(name.to_owned())),
            }
        };
        Ok(Step { alternatives: text.split('|').map(alternative).collect::<Result<_, _>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_printed_as_it_is_written() {
        let pattern = Pattern::parse("seq_read; neigh_seq_*|arp_seq_show").unwrap();
        assert_eq!(pattern.text(), "seq_read;neigh_seq_*|arp_seq_show");
        assert!(pattern.steps[1].alternatives[0].is_name_of("neigh_seq_start.isra.0"));
        assert!(!pattern.steps[1].alternatives[1].is_name_of("arp_seq_show2"));
    }

    #[test]
    fn what_would_match_anything_is_refused() {
        for bad in ["", "abc;", "abc;;def", "*", "a*", "abc|*", "a b", "abc;d.e"] {
            assert!(Pattern::parse(bad).is_err(), "{bad}");
        }
    }
}
