//! Diagnostics: lost, damaged, missing or refused input, and what to do about it. They are part of
//! the `Recording`.

use super::names::clean;

/// How much a diagnostic matters to the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Info,
    /// The result may be less complete than it looks.
    Warning,
    /// Part of the input could not be used.
    Error,
}

impl Severity {
    /// The word printed for it.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// One finding about the input.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// A stable word for scripts: `lost`, `damaged`, `kernel_names`.
    pub code: &'static str,
    /// How many times it occurs, or how many records it concerns.
    pub count: u64,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What the user can do about it, if anything.
    pub remedy: Option<String>,
}

impl Diagnostic {
    /// The code where the kernel dropped records.
    pub const LOST: &'static str = "lost";
    /// The code where the formats of tracepoints are missing, so their records cannot be decoded.
    pub const FORMATS: &'static str = "formats";

    /// The code where the times of a text do not order its samples.
    pub const CLOCK: &'static str = "clock";

    /// Whether it says that the kernel dropped records.
    pub fn is_loss(&self) -> bool {
        self.code == Diagnostic::LOST
    }

    /// Whether it says that tracepoints could not be decoded.
    pub fn is_missing_formats(&self) -> bool {
        self.code == Diagnostic::FORMATS
    }

    /// A diagnostic. Its texts are made safe to print, whatever they quote from a file; an empty
    /// remedy is none.
    pub fn new(severity: Severity, code: &'static str, count: u64, message: &str, remedy: &str) -> Self {
        let remedy = (!remedy.is_empty()).then(|| clean(remedy).into_owned());
        Diagnostic { severity, code, count, message: clean(message).into_owned(), remedy }
    }

    /// Message and remedy as one sentence.
    pub fn sentence(&self) -> String {
        match &self.remedy {
            Some(remedy) => format!("{}; {remedy}", self.message),
            None => self.message.clone(),
        }
    }
}
