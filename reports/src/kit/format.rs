//! A form that a document can be exported in. Each document lists its own in its `forms.rs`.

use std::path::Path;

/// A form for `--export FILE`, chosen by the file's extension.
#[derive(Debug)]
pub struct Format<T: ?Sized> {
    /// What it is called.
    pub name: &'static str,
    /// Extension without the dot.
    pub extension: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// The whole document.
    pub render: fn(&T) -> String,
}

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
