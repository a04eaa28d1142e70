//! Sentences about cuts.

use super::fold::Pending;
use crate::chance::binomial::{lower_limit, upper_limit};
use record::series::line::Phase;
use record::series::stream::Stream;
use reports::cuts::{Loss, Numbers};
use reports::kit::figures::{counted, grouped};
use std::collections::BTreeMap;

/// At which limits are given.
pub(super) const CONFIDENCE: f64 = 0.95;

pub(super) fn phases(phases: &[Phase]) -> String {
    let word = |phase: &Phase| match phase {
        Phase::Working => "while items were stored",
        Phase::AtOnce => "again at once",
        Phase::Recovering => "again while the machine came back",
        Phase::Verifying => "again while items were looked for",
    };
    phases.iter().map(word).collect::<Vec<_>>().join(", ")
}

pub(super) fn how(stream: Stream) -> &'static str {
    match stream {
        Stream::Maildir => "a file each: synced, renamed, its directory synced",
        Stream::Append => "records at the end of a growing file, each synced",
        Stream::Queue => "slots of one file, overwritten in place, each synced",
    }
}

/// What was found after a cut.
pub(super) fn in_words(found: &[Loss]) -> String {
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    found.iter().for_each(|loss| *kinds.entry(loss.stream.as_str()).or_default() += 1);
    let kinds: Vec<String> =
        kinds.iter().map(|(stream, count)| format!("{} of {stream}", grouped(*count))).collect();
    format!("lost or damaged: {}", kinds.join(", "))
}

pub(super) fn not_counted(pending: &Pending) -> String {
    let trouble =
        pending.trouble.as_ref().map_or(String::new(), |why| format!("; the command that cuts: {why}"));
    if pending.was_off() {
        return "nothing was acknowledged since the machine had started".to_owned();
    }
    match (&pending.boot_before, pending.heard) {
        (None, _) => "no writer was there before it".to_owned(),
        (_, true) => format!("the power did not go: the writer was heard on{trouble}"),
        (_, false) => format!("the machine was not off: its boot id is the same{trouble}"),
    }
}

/// A share in percent with two digits that count, rounded away from the side that it promises.
pub(super) fn percent(share: f64, round: fn(f64) -> f64) -> String {
    let percent = share * 100.0;
    let digits =
        if percent <= 0.0 || percent >= 100.0 { 0 } else { (1 - percent.log10().floor() as i32).max(0) };
    let factor = 10_f64.powi(digits);
    // What a double cannot hold exactly is not rounded to the next digit for it.
    let rounded = round((percent * factor * 1e9).round() / 1e9) / factor;
    format!("{rounded:.*}", usize::try_from(digits).expect("not negative"))
}

/// Where cuts prove nothing.
pub(super) const NO_LIMIT: &str =
    "The cuts prove nothing of one device: nothing can be said of how often one loses something.";

pub(super) fn limits(numbers: &Numbers) -> Vec<String> {
    let (bad, counted_cuts) = (u64::from(numbers.bad), u64::from(numbers.counted));
    let cuts = counted(counted_cuts, "cut", "cuts");
    if counted_cuts == 0 {
        return vec!["No cut is counted: nothing can be said of how often one loses something.".to_owned()];
    }
    let at_most = percent(upper_limit(bad, counted_cuts, CONFIDENCE), f64::ceil);
    let at_least = percent(lower_limit(bad, counted_cuts, CONFIDENCE), f64::floor);
    let next = [0.05, 0.01, 0.001, 0.0001].into_iter().find(|share| *share < numbers.at_most);
    let more = next.and_then(|share| {
        let needed = crate::chance::binomial::trials_to_show(share, 0, CONFIDENCE)?;
        Some(format!(
            "To show at most {} %, {} cuts without a bad one are needed.",
            share * 100.0,
            grouped(needed)
        ))
    });
    let first = match bad {
        0 => format!(
            "0 of {cuts} bad: with 95 % confidence at most {at_most} % of cuts lose anything acknowledged."
        ),
        _ => format!(
            "{} of {cuts} bad: with 95 % confidence at most {at_most} %, and with 95 % confidence at least {at_least} %, of cuts lose something acknowledged.",
            grouped(bad)
        ),
    };
    std::iter::once(first).chain(more.filter(|_| bad == 0)).collect()
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn a_limit_is_rounded_to_its_safe_side() {
        let up =
            [0.0099, 0.000_123_4, 0.05, 0.631_9, 1.0, 0.009_969_1].map(|share| percent(share, f64::ceil));
        assert_eq!(up, ["0.99", "0.013", "5.0", "64", "100", "1.00"]);
        assert_eq!([0.0, 0.023_9].map(|share| percent(share, f64::floor)), ["0", "2.3"]);
    }
}
