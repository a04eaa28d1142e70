//! What a person sees while a run goes on: one line that moves on a terminal, one line per phase elsewhere.
//!
//! Progress goes to stderr only; results go to stdout. The caller polls [`Progress::update`], which never
//! blocks and never fails: a run does not depend on whether somebody watches.

use std::io::Write;
use std::time::Duration;

#[cfg(feature = "cli")]
use super::moving::Moving;
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
    #[cfg(feature = "cli")]
    Terminal(Moving),
    /// A file or a pipe: a line per phase.
    Lines(Box<dyn Write + Send>),
}

/// Shows [`Live`] states for as long as it lives.
pub(crate) struct Progress {
    output: Output,
    phase: String,
}

impl Progress {
    /// Progress on stderr, moving only if that is a terminal.
    #[must_use]
    pub(crate) fn stderr() -> Self {
        #[cfg(feature = "cli")]
        if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
            return Self::with(Output::Terminal(Moving::default()));
        }
        Self::with(Output::Lines(Box::new(std::io::stderr())))
    }

    fn with(output: Output) -> Self {
        Self { output, phase: String::new() }
    }

    /// Shows a new state. `elapsed` counts from the start of the run.
    pub(crate) fn update(&mut self, live: &Live, elapsed: Duration) {
        let entered = self.phase != live.phase;
        self.phase.clone_from(&live.phase);
        match &mut self.output {
            #[cfg(feature = "cli")]
            Output::Terminal(moving) => moving.update(live, elapsed),
            // Nobody reads stderr any more: the run goes on.
            Output::Lines(writer) if entered => drop(writeln!(writer, "{}", phase_line(live, elapsed))),
            Output::Lines(_) => {}
        }
    }
}

pub(super) fn phase_line(live: &Live, elapsed: Duration) -> String {
    let left = live.remaining.map_or(String::new(), |left| format!(", {} s left", left.as_secs()));
    format!("{:>6.1} s  {}{left}", elapsed.as_secs_f64(), inert(&live.phase))
}

#[cfg(test)]
pub(super) mod tests {
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

    pub(in crate::run) fn live(phase: &str) -> Live {
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
}
