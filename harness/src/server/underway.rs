//! A command of a mail server's definition, under way: waited for with a bound, and not left behind.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Time between two looks.
const PACE: Duration = Duration::from_millis(5);

/// Dropped before its end it is killed, with all of its process group. A server that it has started is in another one.
pub(super) struct Underway(Child);

impl Underway {
    pub(super) fn begin(command: &mut Command) -> io::Result<Underway> {
        command.process_group(0).spawn().map(Underway)
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.0.try_wait()
    }

    /// Waits until it has ended, at most `limit`.
    pub(super) fn wait(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        crate::machine::process::wait(&mut self.0, limit)
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait()
            && let Ok(group) = i32::try_from(self.0.id())
        {
            let _ = nix::sys::signal::killpg(
                nix::unistd::Pid::from_raw(group),
                nix::sys::signal::Signal::SIGKILL,
            );
            // One that waits in a call of the storage ends when that is answered: it is not waited for.
            let _ = self.0.try_wait();
        }
    }
}

/// Waits until `ended` says how, at most `limit`, and keeps nobody else waiting meanwhile.
pub(super) async fn patiently(
    limit: Duration,
    mut ended: impl FnMut() -> io::Result<Option<ExitStatus>>,
) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    let mut tick = interval(PACE);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let Some(status) = ended()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wait_that_is_given_up_takes_the_command_and_its_children_along() {
        let place = tempfile::tempdir().expect("a directory");
        let mark = place.path().join("begun");
        let script = format!("sleep 600 & echo $! > '{0}.new'; mv '{0}.new' '{0}'; wait", mark.display());
        let mut underway = Underway::begin(Command::new("sh").args(["-c", &script])).expect("begun");
        let begun = patiently(Duration::from_secs(60), || Ok(mark.exists().then(ExitStatus::default))).await;
        assert!(begun.expect("looked").is_some());
        assert_eq!(patiently(Duration::ZERO, || underway.ended()).await.expect("looked"), None);
        drop(underway);
        let sleeper = std::fs::read_to_string(&mark).expect("its number").trim().to_owned();
        let stat = std::path::Path::new("/proc").join(sleeper).join("stat");
        let gone = || !std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
        let gone = patiently(Duration::from_secs(60), || Ok(gone().then(ExitStatus::default))).await;
        assert!(gone.expect("looked").is_some());
    }
}
