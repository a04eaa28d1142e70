//! What the command line says when it is used wrongly, word for word.
//!
//! After a wanted change: `TRYCMD=overwrite cargo test -p fermoposta --test cli`.

#[test]
fn wrong_use_is_answered_as_recorded() {
    trycmd::TestCases::new().case("tests/cli/*.trycmd");
}
