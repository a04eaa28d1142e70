//! Runs the user's own mover on the copies, and nothing else: of the mail itself it sees what it reads.

use super::asked::OwnMail;
use super::sample::Sample;
use crate::machine::process::wait;
use crate::machine::{shield, stop};
use crate::mail::inventory::template::Template;
use anyhow::{Context, Result};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use record::plan::server::line::Line;
use reports::kit::figures::{counted, duration};
use std::fs::{File, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// What rsync answers when a file that it had listed is gone: a store that is in use renames and removes.
const VANISHED: i32 = 24;
/// What a shell answers for what it cannot start.
const CANNOT_START: [i32; 2] = [126, 127];
/// Between two looks at whether a signal has come.
const LOOK: Duration = Duration::from_millis(100);
/// For its end after it was killed.
const LAST_WORD: Duration = Duration::from_secs(10);
/// Troubles that are told.
const MOST_TOLD: usize = 10;

/// How often it was run, and what it said of itself.
#[derive(Debug, Default)]
pub(super) struct Ran {
    pub(super) times: u64,
    pub(super) took: Duration,
    vanished: u64,
    pub(super) failed: Vec<String>,
}

impl Ran {
    /// In words, if not all went well.
    pub(super) fn ended(&self) -> Vec<String> {
        let times = counted(self.vanished, "time", "times");
        let vanished = format!(
            "rsync ended {times} with exit code 24: files were gone before it had copied them, which is no failure of it"
        );
        let more = self.failed.len().saturating_sub(MOST_TOLD);
        let told = self.failed.iter().take(MOST_TOLD).cloned();
        let more = (more > 0).then(|| format!("and {more} more"));
        told.chain(more).chain((self.vanished > 0).then_some(vanished)).collect()
    }
}

/// Why there is nothing that can be judged.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotMoved {
    #[error("interrupted")]
    Interrupted,
    #[error("the mover cannot be started ({0}); see {1}")]
    CannotStart(String, String),
    #[error("the mover was still at work after {0}, and was killed; give it longer with --mover-limit")]
    TooLong(String),
    #[error("{0:#}")]
    Machine(#[from] anyhow::Error),
}

/// Where the mover finds mail and puts it.
pub(super) struct Ways<'a> {
    pub(super) from: &'a Template,
    pub(super) to: &'a Template,
    /// The directories of these.
    pub(super) tops: [&'a Path; 2],
    pub(super) log: PathBuf,
}

/// Once for all users, or for each, if the line names `{user}`.
pub(super) fn run(mail: &OwnMail, sample: &Sample, ways: &Ways<'_>) -> Result<Ran, NotMoved> {
    let (begun, mut ran) = (Instant::now(), Ran::default());
    if !mail.mover.names("user") {
        let [from, to] = ways.tops.map(|top| top.display().to_string());
        one(mail, &[("from", &from), ("to", &to)], ways, begun, &mut ran)?;
    } else {
        for user in &sample.users {
            let [from, to] = [ways.from, ways.to].map(|template| template.of(&user.user));
            let (from, to) =
                from.zip(to).with_context(|| format!("{}: it is no part of a path", user.user))?;
            let [from, to] = [from, to].map(|path| path.display().to_string());
            one(mail, &[("user", &user.user), ("from", &from), ("to", &to)], ways, begun, &mut ran)?;
        }
    }
    ran.took = begun.elapsed();
    Ok(ran)
}

fn one(
    mail: &OwnMail,
    values: &[(&str, &str)],
    ways: &Ways<'_>,
    begun: Instant,
    ran: &mut Ran,
) -> Result<(), NotMoved> {
    let line = mail.mover.filled(values);
    let mut child = start(&line, mail, ways)?;
    let status = ended(&mut child, begun + mail.limit.0)?;
    let Some(status) = status else { return Err(NotMoved::TooLong(duration(mail.limit.0.as_secs_f64()))) };
    ran.times += 1;
    let of = values
        .iter()
        .find(|(name, _)| *name == "user")
        .map_or(String::new(), |(_, user)| format!("{user}: "));
    match status.code() {
        Some(0) => {}
        Some(VANISHED) if runs_rsync(&mail.mover) => ran.vanished += 1,
        Some(code) if CANNOT_START.contains(&code) => {
            return Err(NotMoved::CannotStart(
                format!("{of}exit code {code}"),
                ways.log.display().to_string(),
            ));
        }
        _ => ran.failed.push(format!("{of}the mover failed ({status}); see {}", ways.log.display())),
    }
    Ok(())
}

/// Exit codes are each program's own.
fn runs_rsync(line: &Line) -> bool {
    let words = line.text().split(|c: char| c.is_whitespace() || ";&|()\"'".contains(c));
    words.into_iter().any(|word| word.rsplit('/').next() == Some("rsync"))
}

/// Whether the mail itself can be shown to the mover so that it cannot change it.
pub(super) fn can_be_kept(mail: &OwnMail) -> bool {
    shield::possible() && mail.store.top() != Path::new("/")
}

fn start(line: &str, mail: &OwnMail, ways: &Ways<'_>) -> Result<Child> {
    let log: File = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&ways.log)
        .with_context(|| format!("cannot write {}", ways.log.display()))?;
    let mut command = Command::new("sh");
    command.args(["-c", line]).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    if can_be_kept(mail) {
        shield::keep(&mut command, &mail.store.top(), &ways.tops)?;
    }
    // A group of its own, which can be killed whole.
    command.process_group(0);
    // SAFETY: the closure makes one system call in the forked child.
    unsafe { command.pre_exec(|| Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?)) };
    command.spawn().context("the mover cannot be started")
}

/// None if it was killed because it took too long.
fn ended(child: &mut Child, until: Instant) -> Result<Option<ExitStatus>, NotMoved> {
    loop {
        if let Some(status) = wait(child, LOOK).context("cannot wait for the mover")? {
            return Ok(Some(status));
        }
        let stopped = stop::requested();
        if stopped || Instant::now() >= until {
            kill(child)?;
            return if stopped { Err(NotMoved::Interrupted) } else { Ok(None) };
        }
    }
}

fn kill(child: &mut Child) -> Result<()> {
    let group = Pid::from_raw(i32::try_from(child.id()).context("a pid fits")?);
    // It may have ended this moment.
    let _ = killpg(group, Signal::SIGKILL);
    wait(child, LAST_WORD)?.with_context(|| {
        format!("the mover, process {group}, did not end within {} s of being killed", LAST_WORD.as_secs())
    })?;
    Ok(())
}
