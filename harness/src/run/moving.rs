//! The line that moves on a terminal while a run goes on.

use super::progress::{Live, phase_line};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reports::kit::figures::grouped;
use std::time::Duration;

/// It is taken away when this is dropped.
pub(super) struct Moving {
    bar: ProgressBar,
    rate: Rate,
}

impl Default for Moving {
    fn default() -> Moving {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(ProgressStyle::with_template("{spinner} {wide_msg}").expect("a constant template"));
        Moving { bar, rate: Rate::default() }
    }
}

impl Moving {
    pub(super) fn update(&mut self, live: &Live, elapsed: Duration) {
        self.rate.sample(elapsed, live.submitted);
        self.bar.set_message(moving_line(live, elapsed, self.rate.per_second));
        self.bar.tick();
    }
}

impl Drop for Moving {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Submissions per second over at least the last second.
#[derive(Default)]
struct Rate {
    since: Duration,
    submitted: u64,
    per_second: f64,
}

impl Rate {
    fn sample(&mut self, elapsed: Duration, submitted: u64) {
        let window = elapsed.saturating_sub(self.since);
        if window < Duration::from_secs(1) {
            return;
        }
        self.per_second = submitted.saturating_sub(self.submitted) as f64 / window.as_secs_f64();
        (self.since, self.submitted) = (elapsed, submitted);
    }
}

fn moving_line(live: &Live, elapsed: Duration, per_second: f64) -> String {
    let [acknowledged, refused, uncertain, fired, in_flight] =
        [live.acknowledged, live.refused, live.uncertain, live.fired, live.in_flight].map(grouped);
    format!(
        "{}  {per_second:.0}/s  acknowledged {acknowledged}  refused {refused}  uncertain {uncertain}  \
         waiting {in_flight}  faults fired {fired}",
        phase_line(live, elapsed)
    )
}

#[cfg(test)]
mod tests {
    use super::super::progress::tests::live;
    use super::*;

    #[test]
    fn the_moving_line_has_every_number() {
        insta::assert_snapshot!(
            moving_line(&live("traffic"), Duration::from_millis(12_340), 99.6),
            @"  12.3 s  traffic, 8 s left  100/s  acknowledged 1,234  refused 5  uncertain 2  waiting 59  faults fired 17"
        );
    }

    #[test]
    fn rate_is_that_of_the_last_second() {
        let mut rate = Rate::default();
        rate.sample(Duration::from_secs(2), 200);
        rate.sample(Duration::from_millis(2_500), 900);
        rate.sample(Duration::from_secs(4), 260);
        assert!((rate.per_second - 30.0).abs() < 1e-9);
    }
}
