//! Every problem of a scenario file at once, each at its place.

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};
use std::fmt;
use std::ops::Range;
use std::path::Path;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// What is wrong, with the value.
    pub message: String,
    /// The way out.
    pub help: Option<String>,
    /// Where in the text.
    pub span: Option<Range<usize>>,
}

/// What is wrong with one file.
#[derive(Debug)]
pub(crate) struct ScenarioErrors {
    file: String,
    problems: Vec<Problem>,
}

#[derive(Debug)]
struct Problem {
    source: NamedSource<String>,
    trouble: Trouble,
}

impl ScenarioErrors {
    /// Problems of the file at `path` with this `text`, in the order of the text.
    pub(crate) fn new(path: &Path, text: &str, mut troubles: Vec<Trouble>) -> ScenarioErrors {
        troubles.sort_by_key(|trouble| trouble.span.as_ref().map_or(0, |span| span.start));
        let file = path.display().to_string();
        let source = |trouble| Problem {
            source: NamedSource::new(&file, text.to_owned()).with_language("toml"),
            trouble,
        };
        let problems = troubles.into_iter().map(source).collect();
        ScenarioErrors { file, problems }
    }

    /// What a user is shown: at a terminal in colour, with the places underlined.
    #[cfg(feature = "cli")]
    pub(crate) fn shown(self) -> String {
        format!("{:?}", miette::Report::new(self))
    }

    /// What a user is shown: in sentences, which need nothing of a terminal.
    #[cfg(not(feature = "cli"))]
    pub(crate) fn shown(self) -> String {
        let mut shown = String::new();
        match miette::NarratableReportHandler::new().render_report(&mut shown, &self) {
            Ok(()) => shown,
            Err(fmt::Error) => self.to_string(),
        }
    }

    #[cfg(test)]
    pub(super) fn troubles(&self) -> impl Iterator<Item = &Trouble> {
        self.problems.iter().map(|problem| &problem.trouble)
    }
}

impl fmt::Display for ScenarioErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => write!(f, "{} has a problem", self.file),
            n => write!(f, "{} has {n} problems", self.file),
        }
    }
}

impl std::error::Error for ScenarioErrors {}

impl Diagnostic for ScenarioErrors {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.problems.iter().map(|problem| problem as &dyn Diagnostic)))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.trouble.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.trouble.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.trouble.span.as_ref().map(|_| &self.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.trouble.span.clone()?;
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(Some("here".to_owned()), span))))
    }
}
