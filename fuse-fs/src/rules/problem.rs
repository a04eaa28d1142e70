use serde::{Deserialize, Serialize};

/// One thing wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{field}: {message} ({help})")]
pub struct Problem {
    /// Where, as a path of keys below the rule: `where.op`.
    pub field: String,
    /// What is wrong, with the value.
    pub message: String,
    /// The way out.
    pub help: String,
}

/// Problems found so far.
#[derive(Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    pub(crate) fn add(
        &mut self,
        field: impl Into<String>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.0.push(Problem { field: field.into(), message: message.into(), help: help.into() });
    }

    /// Checks the name of an error.
    pub(crate) fn errno(&mut self, field: &str, name: &str) {
        if crate::errno::number(name).is_none() {
            self.add(field, format!("`{name}` is not the name of an error"), crate::errno::help(name));
        }
    }

    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.0
    }
}
