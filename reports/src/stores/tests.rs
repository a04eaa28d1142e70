//! What is shown of compared stores, and what decides.

use super::model::{Kind, KindCount, verdict};
use super::samples::{different, same, unknown};
use super::{html, junit, markdown, text};
use crate::kit::verdict::Verdict;

#[test]
fn the_terminal_shows_the_answer_the_sums_and_the_names() {
    insta::assert_snapshot!(text::plain(&different()));
    insta::assert_snapshot!("same", text::plain(&same()));
}

#[test]
fn the_document_has_the_same() {
    insta::assert_snapshot!(markdown::render(&different()));
}

#[test]
fn the_page_has_the_same() {
    let page = html::render(&different());
    let body = page.split_once("</style>").expect("a style sheet").1;
    insta::assert_snapshot!(body);
}

#[test]
fn a_difference_fails_what_is_unknown_is_an_error_and_what_was_accepted_is_skipped() {
    insta::assert_snapshot!(junit::render(&different()));
    let xml = junit::render(&unknown());
    assert!(
        xml.contains(r#"failures="0" errors="1""#) || xml.contains(r#"errors="1" failures="0""#),
        "{xml}"
    );
}

#[test]
fn both_sums_of_the_samples_add_up() {
    assert!(different().sums.add_up() && same().sums.add_up());
}

#[test]
fn nothing_read_proves_nothing_and_a_difference_outweighs_what_is_unknown() {
    let one = |kind, accepted| KindCount { kind, count: 1, accepted };
    assert_eq!(verdict(&[], 0), Verdict::Unknown);
    assert_eq!(verdict(&[], 1), Verdict::Valid);
    assert_eq!(verdict(&[one(Kind::Dates, true)], 1), Verdict::Valid);
    assert_eq!(verdict(&[one(Kind::Unread, false), one(Kind::Dates, true)], 1), Verdict::Unknown);
    assert_eq!(verdict(&[one(Kind::Unread, false), one(Kind::Missing, false)], 1), Verdict::Invalid);
}

#[test]
fn lost_and_damaged_mail_decides_always() {
    let always: Vec<&str> =
        Kind::ALL.into_iter().filter(|kind| !kind.can_be_accepted()).map(Kind::name).collect();
    assert_eq!(always, ["missing", "changed", "unread", "untold"]);
}
