use askama::filters::{Escaper as _, Html};

/// A string for an SVG's text or attribute.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    Html.write_escaped_str(&mut out, text).expect("a string takes everything");
    out
}
