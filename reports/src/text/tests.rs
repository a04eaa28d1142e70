//! What a person sees, verdict by verdict.

use super::{Style, render};
use crate::inert::is_dangerous;
use crate::samples;

#[test]
fn valid() {
    insta::assert_snapshot!(render(&samples::valid(), Style::default()), @"");
}

#[test]
fn invalid() {
    insta::assert_snapshot!(render(&samples::invalid(), Style { color: false, width: 80 }), @"");
}

#[test]
fn unknown() {
    insta::assert_snapshot!(render(&samples::unknown(), Style::default()), @"");
}

#[test]
fn hostile_strings_reach_nobody() {
    let shown = render(&samples::hostile(), Style::default());
    assert!(!shown.chars().any(|character| is_dangerous(character) && character != '\n'));
    assert!(shown.contains(r"\u{202e}evil"), "shown, but spelled out");
}

#[test]
fn colour_changes_nothing_but_colour() {
    let plain = render(&samples::invalid(), Style::default());
    let coloured = render(&samples::invalid(), Style { color: true, ..Style::default() });
    let stripped = ["\u{1b}[1;31m", "\u{1b}[1;32m", "\u{1b}[1m", "\u{1b}[0m"]
        .iter()
        .fold(coloured, |text, code| text.replace(code, ""));
    assert_eq!(stripped, plain);
}
