//! Power cuts of a program of the user's, such as a database, on a real file system: is what it acknowledged still there?
//!
//! The program works once, `PROGRAM work DIRECTORY`, and prints a line for everything that it acknowledges. Then `PROGRAM check
//! DIRECTORY N` says of what each cut left whether it is whole and holds the first N of that: it ends with 0, or prints why not.
//! A line may be read later than it was written; then less is asked for, never more.

use super::device::{Device, Moment, Recorded};
use super::survivors::Flushes;
use crate::machine::process;
use anyhow::{Context, Result};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use record::plan::device::Filesystem;
use record::plan::seed::component_seed;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Seek};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// The next acknowledgement comes within this long.
const LONGEST_WORK: Duration = Duration::from_secs(60);

/// A check of one state ends within this long.
const LONGEST_CHECK: Duration = Duration::from_secs(60);

/// What of a program's reason is told.
const MOST_WORDS: usize = 300;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) filesystem: Filesystem,
    pub(crate) flushes: Flushes,
    pub(crate) seed: u64,
    pub(crate) cuts: u32,
    /// Acknowledgements after which the program is ended.
    pub(crate) acknowledgements: u32,
    pub(crate) program: Vec<OsString>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) cuts: u32,
    pub(crate) wrong: Vec<Wrong>,
    pub(crate) seconds: f64,
}

/// A cut after which something that was acknowledged is gone, or damaged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Wrong {
    pub(crate) cut: u32,
    pub(crate) acknowledged: usize,
    pub(crate) why: String,
}

/// With everything in the empty directory `place`, which lies on memory.
///
/// # Errors
/// The file system cannot be made here, or the program cannot be started or does nothing.
pub(crate) fn cut(request: &Request, place: &Path) -> Result<Outcome> {
    let device = Device::new(request.filesystem, place)?;
    let recorded = device.record(|root, mark| work(request, root, mark))?;
    let mut rng = ChaCha8Rng::seed_from_u64(component_seed(request.seed, "cuts of a program"));
    let (mut outcome, begun) = (Outcome::default(), Instant::now());
    for cut in 0..request.cuts {
        let wrong = one(request, &device, &recorded, &mut rng)?;
        outcome.cuts += 1;
        outcome.wrong.extend(wrong.map(|(acknowledged, why)| Wrong { cut, acknowledged, why }));
    }
    outcome.seconds = begun.elapsed().as_secs_f64();
    Ok(outcome)
}

/// What is wrong after one cut, with how much was acknowledged.
fn one(
    request: &Request,
    device: &Device,
    recorded: &Recorded,
    rng: &mut ChaCha8Rng,
) -> Result<Option<(usize, String)>> {
    let Moment { done, end } = recorded.moment(rng);
    let checked =
        device.after_cut(recorded, end, (request.flushes, rng), |root| check(request, root, done))?;
    let why = match checked {
        Ok(checked) => checked?,
        Err(not_mounted) => Some(not_mounted),
    };
    Ok(why.map(|why| (done, why)))
}

fn command(request: &Request, word: &str, root: &Path) -> Result<Command> {
    let (program, arguments) = request.program.split_first().context("there is no program")?;
    let mut command = Command::new(program);
    command.args(arguments).arg(word).arg(root).stdin(Stdio::null()).process_group(0);
    Ok(command)
}

fn work(request: &Request, root: &Path, mark: &mut dyn FnMut()) -> Result<()> {
    mark();
    let mut command = command(request, "work", root)?;
    let mut child = command.stdout(Stdio::piped()).spawn().context("the program cannot be started")?;
    let lines = lines(&mut child)?;
    let (mut told, mut heard) = (0, Ok(()));
    while told < request.acknowledgements && heard.is_ok() {
        heard = lines.recv_timeout(LONGEST_WORK);
        if heard.is_ok() {
            mark();
            told += 1;
        }
    }
    let ended = end(&mut child)?;
    heard.with_context(|| format!("the program acknowledged {told} times and ended with {ended}"))
}

/// With everything that it started.
fn end(child: &mut Child) -> Result<ExitStatus> {
    // It may have ended already.
    let _ = killpg(Pid::from_raw(i32::try_from(child.id())?), Signal::SIGKILL);
    Ok(child.wait()?)
}

/// A message for each line.
fn lines(child: &mut Child) -> Result<Receiver<()>> {
    let out = BufReader::new(child.stdout.take().context("the program has no output")?);
    let (send, receive) = channel();
    let read = move || out.lines().map_while(Result::ok).take_while(|_| send.send(()).is_ok()).for_each(drop);
    std::thread::Builder::new().name("acknowledged".to_owned()).spawn(read)?;
    Ok(receive)
}

fn check(request: &Request, root: &Path, acknowledged: usize) -> Result<Option<String>> {
    let mut out = tempfile::tempfile()?;
    let mut command = command(request, "check", root)?;
    command.arg(acknowledged.to_string()).stdout(out.try_clone()?);
    let mut child = command.spawn().context("the program cannot be started")?;
    let Some(status) = process::wait(&mut child, LONGEST_CHECK)? else {
        end(&mut child)?;
        return Ok(Some(format!("the check did not end within {LONGEST_CHECK:?}")));
    };
    let mut said = Vec::new();
    out.rewind()?;
    out.read_to_end(&mut said)?;
    let words: String = String::from_utf8_lossy(&said).trim().chars().take(MOST_WORDS).collect();
    Ok((!status.success()).then(|| format!("{words} ({status})")))
}
