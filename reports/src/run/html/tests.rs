use super::page::{Page, *};
use crate::run::model::Report;
use crate::run::samples;
use crate::run::samples::story;

fn page(report: Report) -> String {
    render_many(&[report])
}

#[test]
fn the_first_screen_says_what_a_reader_asks_first() {
    let page = page(samples::invalid());
    let head = &page[..page.find("Over time").expect("pictures follow")];
    for wanted in [
        "INVALID",
        "5 of 2,911 acknowledged messages were lost.",
        "fsync-eio",
        "A delivery whose fsync failed must not be acknowledged.",
        "reference, 0.1.0",
        "ext4-ordered",
        "2026-01-23T03:00:00Z, for 41.2 s",
        "fermoposta run scenarios/fsync-eio.toml --seed 42",
        "load generator</a> was saturated",
    ] {
        assert!(head.contains(wanted), "{wanted} is missing");
    }
}

#[test]
fn every_picture_is_there() {
    let page = page(samples::valid());
    for title in Page::of(&samples::valid(), 1).plots.iter().map(|plot| plot.title) {
        assert!(page.contains(&format!("<h3>{title}</h3>")), "{title} is missing");
    }
    assert_eq!(page.matches("<figure>").count(), 8);
    assert_eq!(page.matches("<svg").count(), 8);
}

#[test]
fn a_report_without_a_series_has_no_pictures_and_all_else() {
    let page = page(Report { series: None, ..samples::valid() });
    assert!(!page.contains("<svg") && !page.contains("Over time"));
    assert!(page.contains("What was promised, and what was found"));
}

#[test]
fn each_anomaly_has_its_picture_and_its_words_and_the_rest_is_counted() {
    let page = page(samples::invalid());
    assert_eq!(page.matches("<details open").count(), 1);
    assert_eq!(page.matches("class=\"moments").count(), 6, "4 anomalies, the files and the timeline");
    assert!(page.contains("And 1 more"));
    assert!(page.contains("fsync of user1/Maildir/tmp/1.host fails with EIO"));
}

#[test]
fn changed_bytes_are_marked_by_more_than_colour_in_a_table_that_can_be_scrolled() {
    let page = page(samples::damaged());
    let from = page.find("<table class=\"bytes\">").expect("the table");
    let table = &page[from..from + page[from..].find("</table>").expect("its end")];
    assert_eq!(table.matches("<tbody>").count(), 5);
    assert_eq!(table.matches("<th scope=\"row\">found</th>").count(), 5);
    assert!(table.contains("73 <b>69 78 74</b> 65 <b>65 6e 20"), "{table}");
    assert!(table.contains("29 rows left out") && table.contains("<td>00001000</td>"), "{table}");
    assert!(page.contains("Bytes 4,096 to 4,607") && page.contains("damaged/1a2b3c4d-0-1/sent.eml"));
    assert!(!render_many(&[samples::invalid()]).contains("class=\"bytes\""));
}

#[test]
fn bytes_that_cannot_be_compared_have_no_table() {
    let mut report = samples::damaged();
    for anomaly in &mut report.properties[0].anomalies {
        anomaly.difference.as_mut().expect("it has one").change = None;
    }
    let page = page(report);
    assert!(!page.contains("<table class=\"bytes\"") && page.contains("Bytes 4,096 to 4,607"));
}

#[test]
fn hostile_strings_are_shown_and_do_nothing() {
    let page = page(samples::hostile());
    assert!(!page.contains("<script") && !page.contains('\u{1b}') && !page.contains('\u{202e}'));
    assert!(page.contains("&#60;script&#62;") || page.contains("&lt;script&gt;"), "it is shown, escaped");
}

#[test]
fn nothing_is_asked_of_a_network() {
    for page in [page(samples::hostile()), render_many(&[samples::valid(), samples::unknown()])] {
        assert!(page.contains("default-src 'none'"));
        for asks in ["src=", "url(", "@import", "<link", "<script", "href=\"http"] {
            assert!(!page.contains(asks), "{asks}");
        }
    }
}

#[test]
fn several_runs_are_one_page_the_worst_first() {
    let page = render_many(&[samples::valid(), samples::invalid(), samples::unknown()]);
    let at = |word: &str| page.find(&format!("\">{word}</span></td>")).expect("in the index");
    assert!(at("INVALID") < at("UNKNOWN") && at("UNKNOWN") < at("VALID"));
    assert_eq!(page.matches("<article").count(), 3);
    assert_eq!(page.matches("<h1").count(), 1);
}

#[test]
fn the_same_reports_give_the_same_bytes() {
    assert_eq!(page(samples::invalid()), page(samples::invalid()));
}

#[test]
fn a_story_is_told_in_tables_and_a_picture() {
    let page = page(samples::story());
    for wanted in [
        "No promise was broken, but the story was not what it must be.",
        "What the story must show: 1 of 3 hold",
        "<span class=\"word invalid\">DOES NOT HOLD</span>",
        "<span class=\"word unknown\">cannot tell</span>",
        "submitted 2,400 = stored 2,351 + queued 3 + bounced 35 + given up 11 + lost 0",
        "<h3>Clients that were served</h3>",
        "not by the end",
        "old to new",
        "rsync did not end within 30 s",
    ] {
        assert!(page.contains(wanted), "{wanted} is missing");
    }
}

#[test]
fn a_story_has_both_clocks_everywhere() {
    let page = page(samples::story());
    for wanted in [
        "for 71.0 s (142 h 00 min)",
        "1 s of the run is 2 h 00 min of the story",
        "9.006 s<span class=\"definition\">day 1, 18:00</span>",
        "44.375 s (day 4, 16:45)",
        "41.2 s<span class=\"definition\">82 h 24 min</span>",
        ">day 3</text>",
        "18 s (day 2, 12:00): front door: reject with 552",
    ] {
        assert!(page.contains(wanted), "{wanted} is missing");
    }
}

#[test]
fn a_run_without_a_story_has_none_of_it() {
    let page = page(samples::valid());
    let of_stories = ["Senders", "Statements", "Clients", "Migration", "of the story", "day 1"];
    assert_eq!(of_stories.map(|word| page.contains(word)), [false; 6]);
}

#[test]
fn a_ledger_that_does_not_add_up_is_said_to() {
    let senders = vec![story::sender("postfix", 100, 96)];
    let page = page(Report { senders, ..samples::story() });
    assert!(
        page.contains("<span class=\"word invalid\">DOES NOT HOLD</span>: submitted 100 is not stored 96")
    );
    assert!(page.contains("4 messages are not accounted for; it does not add up for postfix"));
}

#[test]
fn many_files_are_counted_and_few_listed() {
    let mut report = samples::valid();
    report.run.recorded = vec![report.run.recorded[0].clone(); 100];
    let page = page(report);
    assert_eq!(page.matches("<td>history.jsonl</td>").count(), 40);
    assert!(page.contains("(100), with their digests") && page.contains("And 60 more, in"), "{page}");
}
