use super::{html, junit, markdown, samples, text};
use crate::kit::style::Style;

#[test]
fn the_terminal_shows_the_answer_the_sums_and_what_is_not_sound() {
    insta::assert_snapshot!(text::render(&samples::bad(), Style::default()));
}

#[test]
fn a_sound_series_is_short() {
    insta::assert_snapshot!(text::render(&samples::sound(), Style::default()));
}

#[test]
fn the_document_has_every_cut() {
    insta::assert_snapshot!(markdown::render(&samples::bad()));
}

#[test]
fn the_page_has_every_cut_and_room_for_a_signature() {
    let page = html::render(&samples::bad());
    assert_eq!(page.matches("<h1").count(), 1);
    assert_eq!(page.matches("the older item 944 is in its place\\u{1b}[2J").count(), 22);
    assert!(page.contains(&"7f".repeat(32)) && page.contains("class=\"signature\""));
}

#[test]
fn a_pipeline_sees_a_bad_cut_and_what_was_not_counted() {
    let xml = junit::render(&samples::bad());
    assert_eq!(xml.matches("<testcase").count(), 4);
    assert_eq!(xml.matches("<failure").count(), 2);
    assert_eq!(xml.matches("<skipped").count(), 1);
    assert!(!junit::render(&samples::sound()).contains("<failure"));
}
