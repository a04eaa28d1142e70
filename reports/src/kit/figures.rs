//! Numbers as people read them: thousands separators, and units on everything that is not a count; times by one clock or two.

use std::fmt;

/// `1234567` as `1,234,567`.
#[must_use]
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 message`, `2,911 messages`.
#[must_use]
pub fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(n), if n == 1 { one } else { many })
}

/// A latency with three digits: `850 us`, `12.3 ms`, `4.56 s`.
#[must_use]
pub fn latency(seconds: f64) -> String {
    match seconds {
        s if s < 0.001 => format!("{:.0} us", s * 1e6),
        s if s < 0.01 => format!("{:.2} ms", s * 1e3),
        s if s < 0.1 => format!("{:.1} ms", s * 1e3),
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 10.0 => format!("{s:.2} s"),
        s => format!("{s:.1} s"),
    }
}

/// Seconds without needless digits: `0.2 s`, `12 s`.
#[must_use]
pub fn seconds(seconds: f64) -> String {
    format!("{} s", number(seconds))
}

/// A round number without needless digits: `0.5`, `12`, `2,000`.
#[must_use]
pub fn number(value: f64) -> String {
    match value.fract().abs() < 1e-9 && value >= 0.0 {
        true => grouped(value as u64),
        false => format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').to_owned(),
    }
}

/// Bytes with three digits: `850 B`, `12.3 KB`, `4.56 GB`; a KB is 1,000 bytes.
#[must_use]
pub fn bytes(bytes: f64) -> String {
    let mut rest = bytes;
    let mut units = ["B", "KB", "MB", "GB", "TB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    while let (true, Some(larger)) = (rest >= 999.5, units.next()) {
        (rest, unit) = (rest / 1_000.0, larger);
    }
    match rest {
        whole if unit == "B" || whole >= 100.0 => format!("{} {unit}", grouped(whole.round() as u64)),
        tens if tens >= 10.0 => format!("{tens:.1} {unit}"),
        ones => format!("{ones:.2} {unit}"),
    }
}

/// The next of 1, 2, 5, 10 times a power of ten that is no less: for axes.
#[must_use]
pub fn round_up(least: f64) -> f64 {
    let power = 10_f64.powf(least.max(1e-6).log10().floor());
    let steps = [1.0, 2.0, 5.0].map(|factor| factor * power);
    steps.into_iter().find(|step| *step >= least).unwrap_or(power * 10.0)
}

/// A point in time of the run, to the millisecond: `12.345 s`.
#[must_use]
pub fn moment(seconds: f64) -> String {
    format!("{seconds:.3} s")
}

/// How long something took: `41.2 s`, `3 min 05 s`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    if seconds < 120.0 {
        return format!("{seconds:.1} s");
    }
    format!("{:.0} min {:02.0} s", (seconds / 60.0).floor(), (seconds % 60.0).floor())
}

/// A share of a whole: `98.4 %`. Rounded down, so that only the whole is `100 %`; `-` of nothing.
#[must_use]
pub fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    let per_mille = u128::from(part.min(whole)) * 1_000 / u128::from(whole);
    format!("{} %", number(per_mille as f64 / 10.0))
}

/// The clocks of a run: its own, and that of the story it tells, which counts from the start of the traffic. Without a
/// story every time is shown by the run's clock alone.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Clock {
    /// Seconds of the story for each second of the run.
    pub scale: Option<f64>,
}

/// One time by the clocks there are: `12.345 s (day 2, 00:41)`, or `12.345 s`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timed {
    /// By the clock of the run.
    pub run: String,
    /// By the clock of the story, if there is one.
    pub story: Option<String>,
}

impl fmt::Display for Timed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.story {
            Some(story) => f.pad(&format!("{} ({story})", self.run)),
            None => f.pad(&self.run),
        }
    }
}

impl Clock {
    /// The scale, where it is one: it comes from a file.
    fn scale(self) -> Option<f64> {
        self.scale.filter(|scale| scale.is_finite() && *scale > 0.0)
    }

    /// Whether there are two clocks.
    #[must_use]
    pub fn tells_story(self) -> bool {
        self.scale().is_some()
    }

    /// Seconds of the run as seconds of the story.
    #[must_use]
    pub fn story(self, seconds: f64) -> Option<f64> {
        self.scale().map(|scale| seconds * scale)
    }

    /// A point in time: `12.345 s (day 2, 00:41)`.
    #[must_use]
    pub fn moment(self, seconds: f64) -> Timed {
        Timed { run: moment(seconds), story: self.story(seconds).map(story_moment) }
    }

    /// A point in time without needless digits: `12 s (day 2, 00:00)`.
    #[must_use]
    pub fn round_moment(self, at: f64) -> Timed {
        Timed { run: seconds(at), story: self.story(at).map(story_moment) }
    }

    /// From one point in time to another: `1.500 to 1.700 s`.
    #[must_use]
    pub fn stretch(self, from: f64, to: f64) -> Timed {
        let story =
            self.story(from).zip(self.story(to)).map(|(from, to)| (story_moment(from), story_moment(to)));
        Timed {
            run: format!("{from:.3} to {}", moment(to)),
            story: story.map(|(from, to)| if from == to { from } else { format!("{from} to {to}") }),
        }
    }

    /// How long something took: `41.2 s (82 h 24 min)`.
    #[must_use]
    pub fn duration(self, seconds: f64) -> Timed {
        Timed { run: duration(seconds), story: self.story(seconds).map(story_length) }
    }

    /// How long something took that may be short: `850 us`, `4.56 s (9 h 07 min)`.
    #[must_use]
    pub fn delay(self, seconds: f64) -> Timed {
        Timed { run: latency(seconds), story: self.story(seconds).map(story_length) }
    }

    /// A round length of time: `0.2 s (24 min 00 s)`.
    #[must_use]
    pub fn length(self, length: f64) -> Timed {
        Timed { run: seconds(length), story: self.story(length).map(story_length) }
    }

    /// Columns for a moment in a list.
    #[must_use]
    pub fn moment_width(self) -> usize {
        if self.tells_story() { 28 } else { 11 }
    }

    /// What one second of the run is in the story: `2 h 00 min`.
    #[must_use]
    pub fn second(self) -> Option<String> {
        self.story(1.0).map(story_length)
    }

    /// What the second clock is, and what it is not for.
    #[must_use]
    pub fn sentence(self) -> Option<String> {
        let second = self.second()?;
        Some(format!(
            "1 s of the run is {second} of the story, which starts with the traffic on day 1 at 00:00; \
             latencies and time limits of clients are of the run"
        ))
    }
}

const DAY: i64 = 24 * 60;

/// On the story's calendar, to the minute.
fn story_moment(seconds: f64) -> String {
    if seconds <= -0.5 {
        return format!("{} before", story_length(-seconds));
    }
    let minutes = seconds.round() as i64 / 60;
    format!("day {}, {}", minutes / DAY + 1, time_of_day(minutes))
}

fn time_of_day(minutes: i64) -> String {
    format!("{:02}:{:02}", minutes % DAY / 60, minutes % 60)
}

/// A point on an axis of the story: the day where it begins, else the time of day.
#[must_use]
pub fn story_mark(seconds: f64) -> String {
    let minutes = seconds.round() as i64 / 60;
    match minutes % DAY {
        0 => format!("day {}", minutes / DAY + 1),
        _ => time_of_day(minutes),
    }
}

/// Time of the story, which may be days: in hours, for outages are counted in them.
fn story_length(seconds: f64) -> String {
    let (whole, minutes) = (seconds.round() as u64, (seconds / 60.0).round() as u64);
    match whole {
        ..60 => latency(seconds),
        60..3_600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", grouped(minutes / 60), minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_separators() {
        let shown = [0, 999, 1_000, 12_345, 1_234_567].map(grouped);
        assert_eq!(shown, ["0", "999", "1,000", "12,345", "1,234,567"]);
    }

    #[test]
    fn axes_end_at_round_numbers() {
        assert_eq!([0.3, 1.0, 1.2, 7.0, 80.0, 412.0].map(round_up), [0.5, 1.0, 2.0, 10.0, 100.0, 500.0]);
    }

    #[test]
    fn times_have_units() {
        let shown = [0.000_85, 0.001_234, 0.0123, 0.456, 4.561, 30.0].map(latency);
        assert_eq!(shown, ["850 us", "1.23 ms", "12.3 ms", "456 ms", "4.56 s", "30.0 s"]);
        assert_eq!([duration(41.23), duration(185.9)], ["41.2 s", "3 min 05 s"]);
    }

    const STORY: Clock = Clock { scale: Some(7_200.0) };

    #[test]
    fn a_story_has_both_clocks() {
        let moments = [-0.5, -0.000_01, 0.0, 0.1, 11.999_999_999_9, 12.345, 120.0]
            .map(|at| STORY.moment(at).to_string());
        insta::assert_debug_snapshot!(moments, @r#"
        [
            "-0.500 s (1 h 00 min before)",
            "-0.000 s (day 1, 00:00)",
            "0.000 s (day 1, 00:00)",
            "0.100 s (day 1, 00:12)",
            "12.000 s (day 2, 00:00)",
            "12.345 s (day 2, 00:41)",
            "120.000 s (day 11, 00:00)",
        ]
        "#);
        let lengths =
            [0.000_4, 0.005, 0.1, 0.499_95, 0.5, 41.2, 710.0].map(|long| STORY.delay(long).to_string());
        insta::assert_debug_snapshot!(lengths, @r#"
        [
            "400 us (2.88 s)",
            "5.00 ms (36.0 s)",
            "100 ms (12 min 00 s)",
            "500 ms (1 h 00 min)",
            "500 ms (1 h 00 min)",
            "41.2 s (82 h 24 min)",
            "710.0 s (1,420 h 00 min)",
        ]
        "#);
        assert_eq!(STORY.duration(41.2).to_string(), "41.2 s (82 h 24 min)");
        assert_eq!(STORY.stretch(1.5, 12.0).to_string(), "1.500 to 12.000 s (day 1, 03:00 to day 2, 00:00)");
        assert_eq!(STORY.stretch(1.5, 1.501).to_string(), "1.500 to 1.501 s (day 1, 03:00)");
    }

    #[test]
    fn without_a_story_there_is_one_clock() {
        for scale in [None, Some(0.0), Some(-1.0), Some(f64::NAN), Some(f64::INFINITY)] {
            let clock = Clock { scale };
            assert_eq!(clock.moment(12.345).to_string(), moment(12.345));
            assert_eq!(clock.duration(185.9).to_string(), duration(185.9));
            assert_eq!((clock.sentence(), clock.tells_story()), (None, false));
        }
    }

    #[test]
    fn a_scale_beyond_reason_is_shown_and_breaks_nothing() {
        let clock = Clock { scale: Some(1e300) };
        for at in [-1e300, 1e9, 1e300] {
            assert!(clock.moment(at).story.is_some() && clock.duration(at.abs()).story.is_some());
        }
    }

    #[test]
    fn padding_counts_both_clocks() {
        assert_eq!(format!("{:>24}|", STORY.moment(12.345)), " 12.345 s (day 2, 00:41)|");
    }

    #[test]
    fn only_the_whole_is_all() {
        let shown = [(0, 0), (0, 7), (1, 3), (99_999, 100_000), (5, 5), (u64::MAX, u64::MAX)];
        assert_eq!(
            shown.map(|(part, whole)| share(part, whole)),
            ["-", "0 %", "33.3 %", "99.9 %", "100 %", "100 %"]
        );
    }
}
