//! Whether this machine still does in time what is due: a clock that notes when it was woken late.
//!
//! Where nothing is scheduled, as in the recovery, no operation can show that the generator was away.

use fuse_fs::clock::Nanos;
use record::history::event::Event;
use record::history::recorder::Recorder;
use std::time::Duration;

/// Time between two beats.
const BEAT: Duration = Duration::from_millis(100);

/// What is worth a line.
const NOTEWORTHY: Duration = Duration::from_millis(20);

/// Beats until it is dropped.
pub(crate) async fn beat(history: Recorder) {
    loop {
        let due = Nanos::now() + BEAT;
        tokio::time::sleep(BEAT).await;
        note(&history, due, Nanos::now());
    }
}

fn note(history: &Recorder, due: Nanos, at: Nanos) {
    if at.since(due) >= NOTEWORTHY {
        history.record(Event::Stalled { at, due });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beat_that_came_late_is_a_line_and_one_in_time_is_none() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("history");
        let history = Recorder::create(&path).expect("created");
        note(&history, Nanos(100_000_000), Nanos(119_999_999));
        note(&history, Nanos(100_000_000), Nanos(120_000_000));
        history.finish().expect("written");
        let text = std::fs::read_to_string(path).expect("readable");
        let stalled = Event::Stalled { at: Nanos(120_000_000), due: Nanos(100_000_000) };
        assert_eq!(record::synthetic::events(&text), [stalled]);
    }
}
