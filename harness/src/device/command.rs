//! A command of the user's, such as the one that cuts the power: bounded, with everything that it starts.

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use record::series::line::Outcome;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// While it runs; killed with its group when it is dropped before it has ended.
pub(super) struct Running {
    child: Child,
    since: Instant,
    limit: Duration,
    ended: Option<Outcome>,
}

/// Starts `words` in a shell. What it prints goes to standard error, with everything else that is no result.
pub(super) fn start(words: &str, cut: u32, limit: Duration) -> io::Result<Running> {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(words).env("FERMOPOSTA_CUT", cut.to_string()).stdin(Stdio::null());
    command.stdout(io::stderr()).process_group(0);
    Ok(Running { child: command.spawn()?, since: Instant::now(), limit, ended: None })
}

impl Running {
    /// How it ended, once it has; beyond its limit it is killed.
    pub(super) fn ended(&mut self) -> io::Result<Option<Outcome>> {
        if self.ended.is_none() {
            // A signal to the ledger does not leave the machine half way: the command ends, or its limit ends it.
            let late = self.since.elapsed() >= self.limit;
            let trouble = match self.child.try_wait()? {
                Some(status) => trouble(status),
                None if late => {
                    self.kill();
                    Some(format!("it was ended after {:.0} s", self.since.elapsed().as_secs_f64()))
                }
                None => return Ok(None),
            };
            self.ended = Some(Outcome { seconds: self.since.elapsed().as_secs_f64(), trouble });
        }
        Ok(self.ended.clone())
    }

    fn kill(&mut self) {
        let group = i32::try_from(self.child.id()).expect("a pid fits");
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended.is_none() {
            self.kill();
        }
    }
}

fn trouble(status: ExitStatus) -> Option<String> {
    (!status.success()).then(|| format!("it ended with {status}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(words: &str, limit: Duration) -> Outcome {
        let mut running = start(words, 7, limit).unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(outcome) = running.ended().unwrap() {
                return outcome;
            }
            assert!(Instant::now() < deadline, "{words} has not ended");
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }

    #[test]
    fn how_a_command_ends_is_told_and_one_that_does_not_is_ended() {
        let limit = Duration::from_secs(30);
        assert_eq!(run("test \"$FERMOPOSTA_CUT\" = 7", limit).trouble, None);
        assert_eq!(run("exit 3", limit).trouble.as_deref(), Some("it ended with exit status: 3"));
        let late = run("sleep 1000 & sleep 1000", Duration::from_millis(10));
        assert!(late.trouble.expect("it was too slow").starts_with("it was ended after"));
    }
}
