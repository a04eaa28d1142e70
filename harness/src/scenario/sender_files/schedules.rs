//! The shipped senders keep the schedules that their documentation gives.

use super::all;
use fuse_fs::units::Span;
use proptest::prelude::*;
use record::plan::sender::schedule::Next;
use record::plan::sender::*;
use std::time::Duration;

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3600.0;

fn sender(name: &str) -> Definition {
    all().into_iter().find(|sender| sender.name == name).unwrap()
}

/// The ages at all attempts, in `unit` seconds.
fn ages(sender: &Definition, unit: f64) -> Vec<f64> {
    sender.attempts().map(|age| age.as_secs_f64() / unit).collect()
}

fn assert_near(found: &[f64], expected: &[f64]) {
    let near = found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 0.05);
    assert!(near, "{found:?} instead of {expected:?}");
}

/// The wait after the last attempt before this age.
fn wait_at(sender: &Definition, hours: f64) -> f64 {
    let ages = ages(sender, HOUR);
    let after = ages.iter().position(|age| *age > hours).unwrap();
    ages[after] - ages[after - 1]
}

#[test]
fn postfix_doubles_to_80_minutes_and_then_waits_for_the_scan_after_67() {
    let postfix = sender("postfix");
    assert_near(&ages(&postfix, MINUTE)[..8], &[0.0, 5.0, 10.0, 20.0, 40.0, 80.0, 150.0, 220.0]);
    assert_eq!(postfix.attempts().count(), 108);
    let Retry::AgeWithin(bounds) = postfix.retry else { panic!("it is clamped") };
    let unscanned = Definition { retry: Retry::AgeWithin(AgeWithin { scan: None, ..bounds }), ..postfix };
    assert_near(&ages(&unscanned, MINUTE)[5..8], &[80.0, 146.67, 213.33]);
    assert_eq!(unscanned.attempts().count(), 113);
}

#[test]
fn exim_goes_through_its_three_stages() {
    let exim = sender("exim");
    let ages = ages(&exim, HOUR);
    assert_near(&ages[1..9], &[0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0]);
    assert_near(&ages[9..17], &[3.0, 4.5, 6.75, 10.1, 15.2, 22.8, 28.8, 34.8]);
    assert_eq!((ages.len(), ages.last()), (28, Some(&96.0)));
}

#[test]
fn a_late_attempt_does_not_lengthen_exims_waits() {
    let late = |minutes: u64| match sender("exim").next(9, Duration::from_secs(minutes * 60)) {
        Next::TryAt(age) => age.as_secs() / 60 - minutes,
        Next::GiveUpAt(_) => panic!("it is young"),
    };
    assert_eq!((late(120), late(124), late(180), late(184), late(270)), (60, 60, 90, 90, 135));
}

#[test]
fn qmail_and_opensmtpd_try_at_the_squares() {
    for name in ["qmail", "opensmtpd"] {
        assert_near(&ages(&sender(name), 1.0)[..4], &[0.0, 400.0, 1600.0, 3600.0]);
        assert!((wait_at(&sender(name), 88.0) - 6.3).abs() < 0.05);
    }
    assert_eq!(sender("qmail").attempts().last(), Some(Duration::from_secs(604_800)));
    assert_eq!(sender("opensmtpd").attempts().last(), Some(Duration::from_secs(400 * 29 * 29)));
}

#[test]
fn sendmail_and_exchange_online_are_regular() {
    assert_eq!(sender("sendmail").attempts().count(), 241);
    assert_eq!(sender("sendmail").attempts().last(), Some(Duration::from_secs(5 * 86_400)));
    assert_eq!(sender("exchange-online").attempts().count(), 289);
}

#[test]
fn exchange_goes_from_1_to_5_to_10_minutes() {
    let found = ages(&sender("exchange"), MINUTE);
    assert_near(&found[..13], &[0.0, 1.0, 2.0, 3.0, 4.0, 9.0, 14.0, 19.0, 24.0, 29.0, 34.0, 44.0, 54.0]);
    assert!(*found.last().unwrap() <= 48.0 * 60.0);
}

#[test]
fn stalwart_is_silent_from_28_to_72_hours() {
    let stalwart = sender("stalwart");
    assert_near(&ages(&stalwart, HOUR)[7..], &[242.0 / 60.0, 28.03]);
    assert_eq!(
        stalwart.next(9, Duration::from_secs(28 * 3600)),
        Next::GiveUpAt(Duration::from_secs(72 * 3600))
    );
    assert_near(&[stalwart.longest_silence().as_secs_f64() / HOUR], &[43.97]);
}

#[test]
fn the_last_try_is_made_once_and_only_by_those_who_make_it() {
    let postfix = sender("postfix");
    let life = postfix.give_up.0;
    assert_eq!(postfix.next(107, life - Duration::from_secs(60)), Next::TryAt(life));
    assert_eq!(postfix.next(108, life), Next::GiveUpAt(life));
    let opensmtpd = sender("opensmtpd");
    let life = opensmtpd.give_up.0;
    assert_eq!(opensmtpd.next(30, life - Duration::from_secs(60)), Next::GiveUpAt(life));
}

fn span(seconds: std::ops::Range<u64>) -> impl Strategy<Value = Span> {
    seconds.prop_map(|s| Span(Duration::from_secs(s)))
}

fn any_stage() -> impl Strategy<Value = Stage> {
    (proptest::option::of(span(0..20_000)), span(0..5_000), 0.5..3.0)
        .prop_map(|(until, every, growth)| Stage { until, every, growth })
}

/// Any schedule, also one that has problems.
fn any_retry() -> impl Strategy<Value = Retry> {
    prop_oneof![
        span(0..5_000).prop_map(Retry::Every),
        proptest::collection::vec(span(0..5_000), 0..5).prop_map(Retry::Intervals),
        (span(0..5_000), span(0..5_000), proptest::option::of(span(0..500)))
            .prop_map(|(least, most, scan)| Retry::AgeWithin(AgeWithin { least, most, scan })),
        span(0..500).prop_map(|base| Retry::Quadratic(Quadratic { base })),
        proptest::collection::vec(any_stage(), 0..4).prop_map(Retry::Stages),
    ]
}

prop_compose! {
    fn any_sender()(retry in any_retry(), give_up in span(0..40_000), last_try in any::<bool>()) -> Definition {
        Definition { retry, give_up, last_try, ..sender("postfix") }
    }
}

proptest! {
    #[test]
    fn attempts_are_later_and_later_within_the_lifetime(sender in any_sender()) {
        let life = sender.give_up.0;
        let most = usize::try_from(life.as_secs()).unwrap() + 2;
        let ages: Vec<Duration> = sender.attempts().take(most + 1).collect();
        prop_assert!(ages.len() <= most, "{} attempts", ages.len());
        prop_assert!(ages.is_sorted_by(|a, b| a < b));
        prop_assert_eq!(ages.first(), Some(&Duration::ZERO));
        prop_assert!(*ages.last().unwrap() <= life);
        if sender.last_try {
            prop_assert_eq!(*ages.last().unwrap(), life);
        }
    }

    #[test]
    fn whatever_the_age_the_next_step_is_not_earlier(sender in any_sender(), made in 1..100_u32, millis in 0..u64::MAX / 4) {
        let age = Duration::from_millis(millis);
        match sender.next(made, age) {
            Next::TryAt(next) => prop_assert!(next > age && next <= sender.give_up.0),
            Next::GiveUpAt(end) => prop_assert!(end >= age && end >= sender.give_up.0),
        }
    }
}
