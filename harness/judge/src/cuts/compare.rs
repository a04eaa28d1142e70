//! Two devices, or one before and after a change, by their cuts.

use super::phrases::{CONFIDENCE, percent};
use crate::chance::binomial::upper_limit;
use crate::chance::fisher::{Share, least_p_value, p_value, sound_trials_to_differ};
use reports::cuts::Cuts;
use reports::kit::figures::{counted, grouped};
use reports::kit::verdict::Verdict;

/// A difference is believed below this probability of chance.
const LEVEL: f64 = 0.05;

/// More cuts than this nobody makes.
const MOST_CUTS: u64 = 1_000_000;

/// How two series differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Valid: the second is better by more than chance. Invalid: it is worse. Unknown: the cuts do not tell.
    pub verdict: Verdict,
    pub sentence: String,
    /// What else is to be known.
    pub notes: Vec<String>,
    pub p_value: f64,
}

/// `before` and `after` a change.
#[must_use]
pub fn compare(before: &Cuts, after: &Cuts) -> Difference {
    let (a, b) = (share(before), share(after));
    let p = p_value(a, b);
    for (side, cuts) in [("before", before), ("after", after)] {
        if let Some(doubt) = &cuts.doubt {
            let sentence =
                format!("The cuts {side} the change prove nothing, so there is nothing to compare. {doubt}");
            return Difference { verdict: Verdict::Unknown, sentence, notes: Vec::new(), p_value: p };
        }
    }
    let (verdict, sentence) = decided(a, b, p);
    Difference { verdict, sentence, notes: notes(a, b, [before, after]), p_value: p }
}

fn share(cuts: &Cuts) -> Share {
    Share { bad: cuts.numbers.bad.into(), trials: cuts.numbers.counted.into() }
}

fn decided(a: Share, b: Share, p: f64) -> (Verdict, String) {
    let both = format!("{} before, {} after", of(a), of(b));
    if a.trials == 0 || b.trials == 0 {
        return (
            Verdict::Unknown,
            format!("A side has no counted cut ({both}): there is nothing to compare."),
        );
    }
    if p < LEVEL {
        let worse = u128::from(b.bad) * u128::from(a.trials) > u128::from(a.bad) * u128::from(b.trials);
        let (verdict, word) = if worse { (Verdict::Invalid, "worse") } else { (Verdict::Valid, "better") };
        return (
            verdict,
            format!("After the change it is {word}: {both} (Fisher's exact test, {}).", p_words(p)),
        );
    }
    let why = match (a.bad + b.bad, least_p_value(a, b) >= LEVEL) {
        (0, _) => "no cut was bad on either side".to_owned(),
        (_, true) => "with so few cuts not even the clearest result could have told".to_owned(),
        (_, false) => format!("chance alone does as much (Fisher's exact test, {})", p_words(p)),
    };
    (Verdict::Unknown, format!("The cuts do not tell whether it changed: {both}; {why}."))
}

fn of(share: Share) -> String {
    format!("{} of {} bad", grouped(share.bad), counted(share.trials, "cut", "cuts"))
}

fn p_words(p: f64) -> String {
    if p < 0.0001 { "p < 0.0001".to_owned() } else { format!("p = {p:.4}") }
}

fn notes(a: Share, b: Share, reports: [&Cuts; 2]) -> Vec<String> {
    let limit = |side: &str, share: Share| {
        let at_most = percent(upper_limit(share.bad, share.trials, CONFIDENCE), f64::ceil);
        format!("{side}: with 95 % confidence at most {at_most} % of cuts lose something acknowledged.")
    };
    let mut notes = vec![limit("Before", a), limit("After", b)];
    if b.bad == 0 && a.bad > 0 && p_value(a, b) >= LEVEL {
        notes.push(match sound_trials_to_differ(a, LEVEL, MOST_CUTS) {
            Some(needed) => {
                format!("{} cuts without a bad one after the change would tell.", grouped(needed))
            }
            None => "No number of cuts after the change would tell: make more before it, too.".to_owned(),
        });
    }
    for (side, report) in ["Before", "After"].into_iter().zip(reports) {
        if report.numbers.lost_elsewhere > 0 {
            let lost =
                counted(report.numbers.lost_elsewhere, "acknowledged item was", "acknowledged items were");
            notes.push(format!("{side}: {lost} lost outside counted cuts; that is in no number here."));
        }
    }
    notes
}
