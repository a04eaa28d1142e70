//! When each class of clients was served, for the report. Pure; nothing is judged here.
//!
//! A client is what its last word says, until its next one. One that has not said anything yet counts neither way.

use fuse_fs::clock::Nanos;
use record::ledger::Ledger;
use record::ledger::entry::ClientSeen;
use reports::run::ClientClass;
use std::collections::BTreeMap;

/// Steps of an availability curve are at least this part of the curve's length apart.
const RESOLUTION: u64 = 400;

/// Every class that said something, by name.
pub(crate) fn clients(ledger: &Ledger) -> Vec<ClientClass> {
    let mut classes: BTreeMap<&str, Vec<&ClientSeen>> = BTreeMap::new();
    for seen in &ledger.clients {
        classes.entry(&seen.class).or_default().push(seen);
    }
    classes.into_iter().map(|(name, seen)| class(ledger, name, seen)).collect()
}

fn class(ledger: &Ledger, name: &str, mut seen: Vec<&ClientSeen>) -> ClientClass {
    // Clients write side by side; of two words at one instant the one written later is the later one.
    seen.sort_by_key(|word| word.at);
    let mut by_client: BTreeMap<u32, Vec<&ClientSeen>> = BTreeMap::new();
    for word in &seen {
        by_client.entry(word.number).or_default().push(word);
    }
    let down = seen.iter().find(|word| !word.up).map(|word| word.at);
    let again = down.and_then(|_| healthy_again(by_client.values()));
    ClientClass {
        name: name.to_owned(),
        clients: by_client.len() as u64,
        asked: seen.len() as u64,
        served: seen.iter().filter(|word| word.up).count() as u64,
        down_s: down.map(|at| ledger.seconds(at)),
        healthy_again_s: again.map(|at| ledger.seconds(at)),
        availability: coarse(shares(&seen)).map(|(at, share)| (ledger.seconds(at), share)).collect(),
    }
}

/// The moment from which on every client was served until its end.
fn healthy_again<'a>(clients: impl Iterator<Item = &'a Vec<&'a ClientSeen>>) -> Option<Nanos> {
    let mut latest = None;
    for words in clients {
        let Some(lost) = words.iter().rposition(|word| !word.up) else { continue };
        // A client whose last word is bad never was served again, and so its class was not.
        latest = latest.max(Some(words.get(lost + 1)?.at));
    }
    latest
}

/// The share of clients that were served, after each word that changed it.
fn shares(seen: &[&ClientSeen]) -> Vec<(Nanos, f64)> {
    let (mut last, mut up) = (BTreeMap::new(), 0_u64);
    let mut shares: Vec<(Nanos, f64)> = Vec::new();
    for word in seen {
        let before = last.insert(word.number, word.up).unwrap_or(false);
        up = up + u64::from(word.up) - u64::from(before);
        let share = up as f64 / last.len() as f64;
        if shares.last().is_none_or(|(_, known)| *known != share) {
            shares.push((word.at, share));
        }
    }
    shares
}

/// Of steps that lie too close together for a picture only the last is kept.
fn coarse(shares: Vec<(Nanos, f64)>) -> impl Iterator<Item = (Nanos, f64)> {
    let from = shares.first().map_or(0, |(at, _)| at.0);
    let length = shares.last().map_or(0, |(at, _)| at.0 - from);
    let cell = (length / RESOLUTION).max(1);
    let cells: BTreeMap<u64, (Nanos, f64)> =
        shares.into_iter().map(|step| ((step.0.0 - from) / cell, step)).collect();
    cells.into_values()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use record::history::UserId;

    const SECOND: u64 = 1_000_000_000;

    /// Words as class, second, number, up; the traffic starts at second 10.
    fn ledger(words: &[(&str, u64, u32, bool)]) -> Ledger {
        let word = |(class, second, number, up): &(&str, u64, u32, bool)| ClientSeen {
            at: Nanos(second * SECOND),
            class: (*class).to_owned(),
            number: *number,
            user: UserId(0),
            up: *up,
        };
        let mut ledger = Ledger::default();
        (ledger.start, ledger.clients) = (Nanos(10 * SECOND), words.iter().map(word).collect());
        ledger
    }

    #[test]
    fn a_run_without_clients_has_no_classes() {
        assert_eq!(clients(&ledger(&[])), []);
    }

    #[test]
    fn classes_are_told_apart_and_clients_within_them() {
        let got = clients(&ledger(&[
            ("webmail", 11, 0, true),
            ("held", 11, 0, true),
            ("webmail", 12, 1, true),
            ("webmail", 20, 0, false),
            ("held", 25, 0, false),
            ("webmail", 21, 1, false),
            ("webmail", 30, 0, true),
            ("webmail", 31, 1, true),
            ("held", 44, 0, true),
            ("webmail", 45, 0, true),
        ]));
        let [held, webmail] = got.as_slice() else { panic!("{got:?}") };
        assert_eq!((held.name.as_str(), held.clients, held.asked, held.served), ("held", 1, 3, 2));
        assert_eq!((held.down_s, held.healthy_again_s), (Some(15.0), Some(34.0)));
        assert_eq!((webmail.clients, webmail.asked, webmail.served), (2, 7, 5));
        assert_eq!((webmail.down_s, webmail.healthy_again_s), (Some(10.0), Some(21.0)));
        let steps = vec![(1.0, 1.0), (10.0, 0.5), (11.0, 0.0), (20.0, 0.5), (21.0, 1.0)];
        assert_eq!(webmail.availability, steps);
    }

    #[test]
    fn a_class_that_never_was_down_is_not_healthy_again() {
        let got = clients(&ledger(&[("held", 11, 0, true), ("held", 12, 0, true)]));
        assert_eq!((got[0].down_s, got[0].healthy_again_s), (None, None));
        assert_eq!(got[0].availability, [(1.0, 1.0)]);
    }

    #[test]
    fn one_client_that_stays_away_keeps_its_class_from_being_healthy() {
        let got = clients(&ledger(&[
            ("held", 11, 0, true),
            ("held", 11, 1, true),
            ("held", 20, 0, false),
            ("held", 20, 1, false),
            ("held", 30, 1, true),
        ]));
        assert_eq!((got[0].down_s, got[0].healthy_again_s), (Some(10.0), None));
        assert_eq!(got[0].availability.last(), Some(&(20.0, 0.5)));
    }

    #[test]
    fn a_relapse_counts_and_order_is_that_of_time() {
        let got = clients(&ledger(&[
            ("held", 30, 0, true),
            ("held", 20, 0, false),
            ("held", 40, 0, false),
            ("held", 50, 0, true),
        ]));
        assert_eq!((got[0].down_s, got[0].healthy_again_s), (Some(10.0), Some(40.0)));
    }

    proptest! {
        /// Against a slow model that looks at every moment anew.
        #[test]
        fn the_numbers_are_those_of_the_model(
            words in prop::collection::vec((0..300u64, 0..4u32, any::<bool>()), 1..60),
        ) {
            let words: Vec<_> = words.into_iter().map(|(at, n, up)| ("held", at, n, up)).collect();
            let got = &clients(&ledger(&words))[0];
            let state = |at: u64| -> BTreeMap<u32, bool> {
                let mut said: Vec<_> = words.iter().filter(|w| w.1 <= at).collect();
                said.sort_by_key(|w| w.1);
                said.into_iter().map(|w| (w.2, w.3)).collect()
            };
            let share = |at: u64| {
                let state = state(at);
                state.values().filter(|up| **up).count() as f64 / state.len() as f64
            };
            for at in words.iter().map(|w| w.1) {
                let now = at as f64 - 10.0;
                let shown = got.availability.iter().rfind(|(step, _)| *step <= now);
                prop_assert_eq!(shown.map(|(_, share)| *share), Some(share(at)));
            }
            let last = words.iter().map(|w| w.1).max().unwrap_or(0);
            let well = state(last).values().all(|up| *up);
            let fell = words.iter().any(|w| !w.3);
            prop_assert_eq!(got.healthy_again_s.is_some(), well && fell);
        }
    }
}
