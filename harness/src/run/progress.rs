//! What a person sees while a run goes on: one line that moves on a terminal, one line per phase elsewhere.
//!
//! Progress goes to stderr only; results go to stdout. The caller polls [`Progress::update`], which never
//! blocks and never fails: a run does not depend on whether somebody watches.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reports::kit::figures::grouped;
use reports::kit::inert::inert;

/// The state of a run at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Live {
    /// What the run is doing: `traffic`, `recovery`.
    pub phase: String,
    /// Messages that clients tried to store so far.
    pub submitted: u64,
    /// Of those, acknowledged.
    pub acknowledged: u64,
    /// Of those, refused.
    pub refused: u64,
    /// Of those, without a clear answer.
    pub uncertain: u64,
    pub fired: u64,
    /// Operations without an answer yet.
    pub in_flight: u64,
    /// Time left in this phase, if it is bounded.
    pub remaining: Option<Duration>,
}

/// Where progress goes.
enum Output {
    /// A terminal: the line moves.
    Terminal(ProgressBar),
    /// A file or a pipe: a line per phase.
    Lines(Box<dyn Write + Send>),
}

/// Shows [`Live`] states for as long as it lives.
pub(crate) struct Progress {
    output: Output,
    phase: String,
    rate: Rate,
}

impl Progress {
    /// Progress on stderr, moving only if that is a terminal.
    #[must_use]
    pub(crate) fn stderr() -> Self {
        let stderr = std::io::stderr();
        match stderr.is_terminal() {
            true => Self::with(Output::Terminal(spinner())),
            false => Self::with(Output::Lines(Box::new(stderr))),
        }
    }

    fn with(output: Output) -> Self {
        Self { output, phase: String::new(), rate: Rate::default() }
    }

    /// Shows a new state. `elapsed` counts from the start of the run.
    pub(crate) fn update(&mut self, live: &Live, elapsed: Duration) {
        self.rate.sample(elapsed, live.submitted);
        let entered = self.phase != live.phase;
        self.phase.clone_from(&live.phase);
        match &mut self.output {
            Output::Terminal(bar) => {
                bar.set_message(moving_line(live, elapsed, self.rate.per_second));
                bar.tick();
            }
            // Nobody reads stderr any more: the run goes on.
            Output::Lines(writer) if entered => drop(writeln!(writer, "{}", phase_line(live, elapsed))),
            Output::Lines(_) => {}
        }
    }
}

/// Takes the moving line away.
impl Drop for Progress {
    fn drop(&mut self) {
        match &self.output {
            Output::Terminal(bar) => bar.finish_and_clear(),
            Output::Lines(_) => {}
        }
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

fn spinner() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_style(ProgressStyle::with_template("{spinner} {wide_msg}").expect("a constant template"));
    bar
}

fn phase_line(live: &Live, elapsed: Duration) -> String {
    let left = live.remaining.map_or(String::new(), |left| format!(", {} s left", left.as_secs()));
    format!("{:>6.1} s  {}{left}", elapsed.as_secs_f64(), inert(&live.phase))
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
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no panic while held").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn live(phase: &str) -> Live {
        Live {
            phase: phase.into(),
            submitted: 1_300,
            acknowledged: 1_234,
            refused: 5,
            uncertain: 2,
            fired: 17,
            in_flight: 59,
            remaining: Some(Duration::from_secs(8)),
        }
    }

    #[test]
    fn a_pipe_gets_one_line_per_phase() {
        let written = Shared::default();
        let mut progress = Progress::with(Output::Lines(Box::new(written.clone())));
        for (second, phase) in [(0, "traffic"), (1, "traffic"), (12, "recovery"), (13, "recovery")] {
            progress.update(&live(phase), Duration::from_secs(second));
        }
        drop(progress);
        let shown = String::from_utf8(written.0.lock().expect("no panic while held").clone()).expect("text");
        assert_eq!(shown, "   0.0 s  traffic, 8 s left\n  12.0 s  recovery, 8 s left\n");
    }

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
