use super::{markdown, samples, text};

#[test]
fn the_terminal_shows_each_mover_and_how_to_see_a_loss_again() {
    insta::assert_snapshot!(text::render(&samples::movers()));
}

#[test]
fn the_document_has_every_bad_cut() {
    insta::assert_snapshot!(markdown::render(&samples::movers()));
}
