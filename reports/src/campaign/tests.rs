use super::{html, junit, markdown, samples, text};
use crate::kit::style::Style;

#[test]
fn the_terminal_shows_the_answer_the_cells_and_what_is_new_with_its_command() {
    insta::assert_snapshot!(text::render(&samples::red(), Style::default()));
}

#[test]
fn a_campaign_whose_canary_was_not_found_says_so_everywhere() {
    let blind = samples::blind();
    let said = "was NOT found";
    for shown in [text::plain(&blind), markdown::render(&blind), html::render(&blind), junit::render(&blind)]
    {
        assert!(shown.contains(said), "{shown}");
    }
}

#[test]
fn the_document_has_what_is_known_too() {
    insta::assert_snapshot!(markdown::render(&samples::red()));
}

#[test]
fn cells_lead_to_what_was_found() {
    let campaign = samples::red();
    let page = html::render(&campaign);
    for n in 0..campaign.findings.len() {
        assert!(page.contains(&format!("id=\"finding-{n}\"")), "{n}");
        assert!(page.contains(&format!("href=\"#finding-{n}\"")), "{n}");
    }
    assert_eq!(page.matches("<h1").count(), 1);
}

#[test]
fn a_pipeline_is_red_for_what_is_new_and_for_what_is_not_known() {
    let counts = |xml: &str| {
        ["<testcase", "<failure", "<error", "<skipped"].map(|element| xml.matches(element).count())
    };
    assert_eq!(counts(&junit::render(&samples::red())), [6, 1, 2, 1]);
    assert_eq!(counts(&junit::render(&samples::blind())), [2, 0, 1, 0]);
    let part = junit::render(&samples::part());
    assert_eq!(counts(&part), [3, 0, 1, 0]);
    assert!(part.contains("Nothing new in 5 runs of shard 1 of 2."), "{part}");
}
