//! The forms a result can be exported in. A new one of a report is a file of its own and an entry in [`ALL`].

use crate::run::forms::json;
use crate::run::forms::text;

use std::path::Path;

use crate::run::Report;

/// A form for `--export FILE`, chosen by the file's extension.
#[derive(Debug)]
pub struct Format<T: ?Sized = [Report]> {
    /// What it is called.
    pub name: &'static str,
    /// Extension without the dot.
    pub extension: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// The whole result, such as all reports of one command, as one document.
    pub render: fn(&T) -> String,
}

/// Every form.
pub const ALL: &[Format] = &[
    Format {
        name: "json",
        extension: "json",
        about: "everything, versioned; one report, or a list of several",
        render: json,
    },
    Format {
        name: "junit",
        extension: "xml",
        about: "JUnit XML, one test case per property",
        render: crate::run::junit::render_many,
    },
    Format {
        name: "markdown",
        extension: "md",
        about: "summary for the job page of a CI system",
        render: crate::run::markdown::render_many,
    },
    Format {
        name: "html",
        extension: "html",
        about: "one page with pictures and evidence, for people; it needs no network",
        render: crate::run::html::page::render_many,
    },
    Format { name: "text", extension: "txt", about: "the terminal summary without colour", render: text },
    Format {
        name: "csv",
        extension: "csv",
        about: "the run over time as one table, for spreadsheets and data frames",
        render: crate::run::csv::render_many,
    },
    Format {
        name: "openmetrics",
        extension: "prom",
        about: "OpenMetrics, for Prometheus' push gateway or textfile collector",
        render: crate::run::openmetrics::render_many,
    },
];

/// A file name whose extension is no known form.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("cannot tell the report format of {path:?} from its extension; use one of {known}")]
pub struct UnknownExtension {
    path: String,
    known: String,
}

/// The form of `all` that a file's extension asks for.
///
/// # Errors
/// When no form has that extension.
pub fn by_extension<T: ?Sized>(
    path: &Path,
    all: &'static [Format<T>],
) -> Result<&'static Format<T>, UnknownExtension> {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    all.iter().find(|format| format.extension.eq_ignore_ascii_case(extension)).ok_or_else(|| {
        UnknownExtension {
            path: super::inert::inert(&path.to_string_lossy()),
            known: all.iter().map(|format| format!(".{}", format.extension)).collect::<Vec<_>>().join(", "),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What users read of the forms.
    const DOCUMENTATION: &str = include_str!("../../../docs/formats.md");

    #[test]
    fn every_form_is_documented() {
        for format in ALL {
            assert!(DOCUMENTATION.contains(&format!("| `.{}` |", format.extension)), "{}", format.name);
        }
    }

    #[test]
    fn extension_chooses_the_form() {
        assert_eq!(by_extension(Path::new("out/REPORT.XML"), ALL).map(|format| format.name), Ok("junit"));
        insta::assert_snapshot!(
            by_extension(Path::new("report.pdf"), ALL).map(|format| format.name).expect_err("no such form"),
            @r#"cannot tell the report format of "report.pdf" from its extension; use one of .json, .xml, .md, .html, .txt, .csv, .prom"#
        );
    }
}
