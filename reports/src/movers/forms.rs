use super::model::Movers;
use super::{markdown, text};
use crate::kit::format::Format;
use crate::kit::json::to_json;

/// The forms that it can be exported in.
pub const FORMATS: &[Format<Movers>] = &[
    Format { name: "json", extension: "json", about: "everything, versioned", render: to_json },
    Format { name: "markdown", extension: "md", about: "for a document", render: markdown::render },
    Format { name: "text", extension: "txt", about: "as on the terminal", render: text::render },
];
