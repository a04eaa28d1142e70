//! How the fault came: after a healthy time, at a number, without a warning.

use reports::kit::figures;

use super::answer::Answer;
use super::view::View;
use crate::property::expectations::healthy;
use fuse_fs::rules::rule::{Counter, Rule, Threshold};
use nix::errno::Errno;
use reports::kit::figures::grouped;
use reports::kit::verdict::Verdict;
use std::time::Duration;

/// Errors by which a device or file system says that it is not well; others are answers to what was asked.
const OF_THE_DEVICE: [Errno; 9] = [
    Errno::EIO,
    Errno::EROFS,
    Errno::ENOSPC,
    Errno::EDQUOT,
    Errno::ESTALE,
    Errno::ETIMEDOUT,
    Errno::ENXIO,
    Errno::ENODEV,
    Errno::EREMOTEIO,
];
/// Below this a latency is no warning, whatever it was before: the machine itself makes more noise.
const NOISE: Duration = Duration::from_millis(20);

pub(crate) fn healthy_first(view: &View<'_, '_>, fault: &str, span: Duration) -> Answer {
    let outage = match view.outage(fault) {
        Ok(outage) => outage,
        Err(why) => return Answer::unknown(why),
    };
    let before = outage.from.since(view.case.ledger.start);
    let found = healthy(view.case, before);
    let seen = format!("`{fault}` first fired after {}; until then: {}", view.length(before), found.sentence);
    match found.verdict {
        Verdict::Unknown => Answer::unknown(seen),
        verdict => Answer::that(verdict == Verdict::Valid && before >= span, seen),
    }
}

pub(crate) fn state_triggered(view: &View<'_, '_>, fault: &str, within: f64) -> Answer {
    let Some((counter, at)) = view.rule(fault).and_then(threshold) else {
        return Answer::that(false, format!("The trigger of `{fault}` is no counter."));
    };
    let outage = match view.outage(fault) {
        Ok(outage) => outage,
        Err(why) => return Answer::unknown(why),
    };
    let Some(counted) = outage.rule.counted else {
        return Answer::unknown("What the counter showed at the first firing was not recorded.");
    };
    let say = |n: u64| match counter {
        Counter::Uptime => format!("{:.3} s of uptime", n as f64 / 1e9),
        Counter::Calls | Counter::BytesWritten | Counter::FilesCreated | Counter::Renames => {
            format!("{} {}", grouped(n), counter.to_string().replace('-', " "))
        }
    };
    let seen = format!("`{fault}` first fired at {}; its number is {}.", say(counted), say(at));
    let most = at.saturating_add((at as f64 * within) as u64);
    Answer::that(counted >= at && counted <= most, seen)
}

/// The trigger's counter and its number, if nothing is left to chance.
fn threshold(rule: &Rule) -> Option<(Counter, u64)> {
    let trigger = &rule.trigger;
    let at = match trigger.at? {
        Threshold::Count(n) => n,
        Threshold::Time(span) => u64::try_from(span.0.as_nanos()).unwrap_or(u64::MAX),
    };
    let by_chance = trigger.probability.is_some() || trigger.rate.is_some();
    Some((trigger.counter?, at)).filter(|_| !by_chance)
}

/// A call in the trace: its ordinal, how long it took, its error.
struct Call {
    seq: u64,
    took: Duration,
    errno: i32,
}

pub(crate) fn no_warning(view: &View<'_, '_>, fault: &str, calls: u64, factor: f64) -> Answer {
    let outage = match view.outage(fault) {
        Ok(outage) => outage,
        Err(why) => return Answer::unknown(why),
    };
    let (mut before, mut first) = (Vec::new(), u64::MAX);
    let read = view.case.traces.each(outage.storage(), |event| {
        if event.fired.iter().any(|(rule, _)| rule == fault) {
            first = first.min(event.seq);
        } else if let Some(end) = event.end.filter(|end| *end <= outage.from) {
            before.push(Call { seq: event.seq, took: end.since(event.at), errno: event.errno });
        }
    });
    if !read || first == u64::MAX {
        return Answer::unknown(format!(
            "The trace of `{}` does not show the first firing.",
            outage.storage()
        ));
    }
    if first < calls {
        return Answer::unknown(format!("Only {} came before the first firing.", grouped(first)));
    }
    let (last, earlier) = (first - calls, first.saturating_sub(calls.saturating_mul(2)));
    judge(&before, earlier..last, last..first, factor)
}

fn judge(calls: &[Call], earlier: std::ops::Range<u64>, last: std::ops::Range<u64>, factor: f64) -> Answer {
    let within = |range: &std::ops::Range<u64>| {
        let range = range.clone();
        calls.iter().filter(move |call| range.contains(&call.seq))
    };
    let failed = within(&last).filter(|call| OF_THE_DEVICE.iter().any(|e| *e as i32 == call.errno)).count();
    let (old, new) = (p99(within(&earlier)), p99(within(&last)));
    let words = |latency: Option<Duration>| {
        latency.map_or("not known".to_owned(), |latency| figures::latency(latency.as_secs_f64()))
    };
    let seen = format!(
        "Of the last {} calls before the first firing {failed} failed with an error of the device; 99th percentile of \
         latency {} (of those before them: {}), of the calls that the trace keeps.",
        grouped(last.end - last.start),
        words(new),
        words(old),
    );
    match (failed, old, new) {
        (0, _, Some(new)) if new <= NOISE => Answer::that(true, seen),
        (0, Some(old), Some(new)) => Answer::that(new <= old.mul_f64(factor), seen),
        (0, _, _) => Answer::unknown(seen),
        _ => Answer::that(false, seen),
    }
}

fn p99<'a>(calls: impl Iterator<Item = &'a Call>) -> Option<Duration> {
    let mut all: Vec<Duration> = calls.map(|call| call.took).collect();
    all.sort_unstable();
    super::view::quantile(&all, 0.99)
}
