//! Numbers as people read them: thousands separators, and units on everything that is not a count.

/// `1234567` as `1,234,567`.
#[must_use]
pub fn count(value: u64) -> String {
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
        true => count(value as u64),
        false => format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_separators() {
        let shown = [0, 999, 1_000, 12_345, 1_234_567].map(count);
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
}
