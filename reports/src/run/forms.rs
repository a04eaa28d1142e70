use super::model::Report;
use super::{csv, html, junit, markdown, openmetrics, text};
use crate::kit::format::Format;
use crate::kit::json::to_json;

/// The forms that the reports of one command can be exported in.
pub const FORMATS: &[Format<[Report]>] = &[
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
        render: junit::render_many,
    },
    Format {
        name: "markdown",
        extension: "md",
        about: "summary for the job page of a CI system",
        render: markdown::render_many,
    },
    Format {
        name: "html",
        extension: "html",
        about: "one page with pictures and evidence, for people; it needs no network",
        render: html::page::render_many,
    },
    Format {
        name: "text",
        extension: "txt",
        about: "the terminal summary without colour",
        render: text::render_many,
    },
    Format {
        name: "csv",
        extension: "csv",
        about: "the run over time as one table, for spreadsheets and data frames",
        render: csv::render_many,
    },
    Format {
        name: "openmetrics",
        extension: "prom",
        about: "OpenMetrics, for Prometheus' push gateway or textfile collector",
        render: openmetrics::render_many,
    },
];

fn json(reports: &[Report]) -> String {
    match reports {
        [one] => to_json(one),
        _ => to_json(reports),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::format::by_extension;
    use crate::run::LeftOut;
    use std::path::Path;

    /// What users read of the forms.
    const DOCUMENTATION: &str = include_str!("../../../docs/formats.md");

    #[test]
    fn every_form_is_documented() {
        for format in FORMATS {
            assert!(DOCUMENTATION.contains(&format!("| `.{}` |", format.extension)), "{}", format.name);
        }
    }

    #[test]
    fn what_was_left_out_of_a_corpus_is_in_every_form() {
        let one = LeftOut { why: "contains a NUL byte".to_owned(), count: 17 };
        // As the judge says it too.
        let warnings = vec!["17 files or messages were left out: contains a NUL byte (17).".to_owned()];
        let report = Report { left_out: vec![one], warnings, ..crate::run::samples::valid() };
        for format in FORMATS {
            let shown = (format.render)(std::slice::from_ref(&report));
            assert!(
                shown.contains("contains a NUL byte") && shown.contains("17"),
                "{}: {shown}",
                format.name
            );
        }
        let none = (csv::render_many)(&[crate::run::samples::valid()]);
        assert!(!none.contains("corpus-left-out"));
    }

    #[test]
    fn extension_chooses_the_form() {
        assert_eq!(by_extension(Path::new("out/REPORT.XML"), FORMATS).map(|format| format.name), Ok("junit"));
        insta::assert_snapshot!(
            by_extension(Path::new("report.pdf"), FORMATS).map(|format| format.name).expect_err("no such form"),
            @r#"cannot tell the report format of "report.pdf" from its extension; use one of .json, .xml, .md, .html, .txt, .csv, .prom"#
        );
    }
}
