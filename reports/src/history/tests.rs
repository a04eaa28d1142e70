use super::{html, markdown, samples, text};
use crate::kit::style::Style;

#[test]
fn the_terminal_shows_what_began_when_then_each_cell() {
    insta::assert_snapshot!(text::render(&samples::history(), Style::default()));
}

#[test]
fn the_document_has_the_same() {
    insta::assert_snapshot!(markdown::render(&samples::history()));
}

#[test]
fn the_page_has_a_picture_and_the_commands() {
    let page = html::render(&samples::history());
    assert_eq!((page.matches("<h1").count(), page.matches("<svg").count()), (1, 1));
    assert!(page.contains("fermoposta run power-cut --target dovecot-maildir --seed 3"));
}
