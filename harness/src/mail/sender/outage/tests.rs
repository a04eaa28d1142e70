use super::*;
use crate::scenario::sender_files::all;
use fuse_fs::units::Span;

const HOUR: f64 = 3600.0;
const MESSAGES: u32 = 20_000;

/// The outage of January 2023, counted from and to different moments: from the closing of SMTP or from the onset, to the
/// first reopening, in round days, and to the last mailbox.
const OUTAGES: [f64; 4] = [70.75, 88.75, 120.0, 142.0];

fn hours(hours: f64) -> Duration {
    Duration::from_secs_f64(hours * HOUR)
}

fn sender(name: &str) -> Definition {
    all().into_iter().find(|sender| sender.name == name).unwrap()
}

/// Of an outage of `length`, the share in which a message is too old at the end of it.
fn arithmetic(sender: &Definition, length: f64) -> f64 {
    (length - sender.give_up.0.as_secs_f64() / HOUR).max(0.0) / length
}

/// The arithmetic takes a sender to try until its give-up time. One that stops earlier loses in addition what is born
/// within its last silence, so the difference is between 0 and the longest silence in proportion to the outage.
#[test]
fn fractions_given_up_agree_with_arithmetic() {
    let one_message = 1.0 / f64::from(MESSAGES);
    for (sender, length) in all().iter().flat_map(|sender| OUTAGES.map(|length| (sender, length))) {
        let found = aftermath(sender, hours(length), MESSAGES).fraction_given_up();
        let more = found - arithmetic(sender, length);
        let silence = sender.longest_silence().as_secs_f64() / HOUR / length;
        let name = &sender.name;
        assert!(
            more >= -one_message && more <= silence + one_message,
            "{name}, {length} h: {found}, {more} more"
        );
        if sender.last_try {
            assert!(more <= one_message, "{name} tries at its give-up time; {length} h: {found}");
        }
    }
}

/// The figures that people know: give-up limits against the lengths of the outage.
#[test]
fn fractions_given_up_are_the_published_ones() {
    let row = |name: &str| {
        OUTAGES.map(|length| {
            (aftermath(&sender(name), hours(length), MESSAGES).fraction_given_up() * 100.0).round()
        })
    };
    assert_eq!(row("exchange-online"), [66.0, 73.0, 80.0, 83.0]);
    assert_eq!(row("exchange"), [32.0, 46.0, 60.0, 66.0]);
    assert_eq!(row("exim"), [0.0, 0.0, 20.0, 32.0]);
    assert_eq!(row("postfix"), [0.0, 0.0, 0.0, 15.0]);
    assert_eq!(row("sendmail"), [0.0, 0.0, 0.0, 15.0]);
    assert_eq!(row("qmail"), [0.0, 0.0, 0.0, 0.0]);
    // It makes no try after 28 h, so its three days save less than the limit says (0, 19, 40, 49).
    assert_eq!(row("stalwart"), [60.0, 68.0, 77.0, 80.0]);
}

#[test]
fn a_delivery_comes_at_most_one_silence_after_the_end() {
    for (sender, length) in all().iter().flat_map(|sender| OUTAGES.map(|length| (sender, length))) {
        let after = aftermath(sender, hours(length), MESSAGES);
        let last = after.last_delivery().expect("the youngest messages are delivered");
        assert!(last <= sender.longest_silence(), "{}, {length} h: {last:?}", sender.name);
    }
}

#[test]
fn each_message_is_delivered_or_given_up_within_its_lifetime() {
    for sender in all() {
        let length = hours(142.0);
        let after = aftermath(&sender, length, 1_000);
        assert_eq!(after.fates.len(), 1_000);
        for (n, fate) in after.fates.iter().enumerate() {
            let born = length.mul_f64((n as f64 + 0.5) / 1_000.0);
            match *fate {
                Fate::Delivered { after_end, age } => {
                    assert_eq!(born + age, length + after_end);
                    assert!(age <= sender.give_up.0);
                }
                Fate::GivenUp { at } => assert_eq!(at, born + sender.give_up.0),
            }
        }
    }
}

/// The share of the waiting messages that are back within this many minutes.
fn back(name: &str, length: f64, minutes: f64) -> f64 {
    let after = aftermath(&sender(name), hours(length), MESSAGES);
    after.back_within(hours(minutes / 60.0)) as f64 / after.waiting_at_end() as f64
}

#[test]
fn the_waiting_mail_comes_back_as_a_step() {
    // 4000 s, and up to one scan of the queue on top.
    assert!(back("postfix", 88.75, 67.0) > 0.95);
    assert_eq!(back("postfix", 88.75, 72.0), 1.0);
    assert_eq!(back("exchange-online", 88.75, 5.0), 1.0);
    // Six hours in the last stage, 7.6 h at the end of the one that grows.
    assert!(back("exim", 88.75, 360.0) > 0.97);
    assert_eq!(back("exim", 88.75, 456.0), 1.0);
    assert_eq!(back("qmail", 88.75, 381.0), 1.0);
    assert!(back("qmail", 88.75, 60.0) < 0.5);
}

#[test]
fn what_was_given_up_before_the_end_does_not_wait() {
    let two_tries = Definition { give_up: Span(hours(10.0)), last_try: false, ..sender("stalwart") };
    let after = aftermath(&two_tries, hours(20.0), 20);
    let late = |fate: &&Fate| matches!(fate, Fate::GivenUp { at } if *at >= after.length);
    assert_eq!((after.waiting_at_end(), after.fates.iter().filter(late).count()), (10, 6));
    assert_eq!((after.given_up(), after.back_within(hours(5.0))), (16, 4));
}

#[test]
fn no_message_has_no_fate() {
    let none = aftermath(&sender("postfix"), hours(1.0), 0);
    assert_eq!((none.given_up(), none.fraction_given_up(), none.last_delivery()), (0, 0.0, None));
}
