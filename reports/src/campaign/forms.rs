use super::model::Campaign;
use super::{html, junit, markdown, text};
use crate::kit::format::Format;
use crate::kit::json::to_json;

/// The forms that it can be exported in.
pub const FORMATS: &[Format<Campaign>] = &[
    Format { name: "json", extension: "json", about: "everything, versioned", render: to_json },
    Format { name: "junit", extension: "xml", about: "for a pipeline", render: junit::render },
    Format { name: "markdown", extension: "md", about: "for a document", render: markdown::render },
    Format { name: "html", extension: "html", about: "one page, for people", render: html::render },
    Format { name: "text", extension: "txt", about: "as on the terminal", render: text::plain },
];
