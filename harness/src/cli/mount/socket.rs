//! The control socket: where it lies, and both ends of a conversation.

use crate::exit::{Exit, say};
use anyhow::{Context, Result, anyhow, bail, ensure};
use fuse_fs::mount::control::{Command, Reply};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A power cut with a hundred thousand effects takes seconds; anything else far less.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// Where a control socket lies. Its directory is reached by a descriptor: an address holds 107 bytes, a path more.
struct Address {
    directory: File,
    path: PathBuf,
}

impl Address {
    fn short(&self) -> PathBuf {
        let name = self.path.file_name().unwrap_or_default();
        Path::new("/proc/self/fd").join(self.directory.as_raw_fd().to_string()).join(name)
    }

    fn connect(&self) -> std::io::Result<UnixStream> {
        UnixStream::connect(self.short())
    }
}

/// Links that are followed at most, as the kernel has it.
const MOST_LINKS: usize = 40;

/// A directory's path without links. It is not looked into itself: a mount may be frozen.
pub(super) fn resolved(directory: &Path) -> Result<PathBuf> {
    let mut path = std::path::absolute(directory)?;
    for _ in 0..MOST_LINKS {
        let name = path.file_name().zip(path.parent());
        let (name, parent) = name.ok_or_else(|| anyhow!("{} has no name", path.display()))?;
        let parent = parent.canonicalize().with_context(|| format!("cannot find {}", parent.display()))?;
        let named = parent.join(name);
        match named.read_link() {
            Ok(target) => path = parent.join(target),
            Err(_) => return Ok(named),
        }
    }
    bail!("{} leads through more than {MOST_LINKS} links", directory.display())
}

/// The control socket of a mount point.
fn address(mountpoint: &Path) -> Result<Address> {
    let digest = blake3::hash(resolved(mountpoint)?.as_os_str().as_encoded_bytes()).to_hex();
    let directory = private_directory()?;
    let path = directory.join(format!("{}.sock", &digest[..16]));
    let directory = File::open(&directory).with_context(|| format!("cannot open {}", directory.display()))?;
    Ok(Address { directory, path })
}

pub(crate) fn private_directory() -> Result<PathBuf> {
    let uid = nix::unistd::geteuid().as_raw();
    let directory = std::env::temp_dir().join(format!("fermoposta-{uid}"));
    match std::fs::DirBuilder::new().mode(0o700).create(&directory) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error).with_context(|| format!("cannot make {}", directory.display())),
    }
    let owner = std::fs::symlink_metadata(&directory)?;
    ensure!(
        owner.is_dir() && owner.uid() == uid,
        "{} belongs to somebody else; remove it",
        directory.display()
    );
    Ok(directory)
}

/// The listening socket; its file goes with it, also when the mount fails.
pub(crate) struct Listener {
    pub(super) socket: UnixListener,
    path: PathBuf,
}

impl Drop for Listener {
    fn drop(&mut self) {
        // What nobody listens on any more is removed by the next one at the latest.
        let _ = std::fs::remove_file(&self.path);
    }
}

pub(crate) fn listen(mountpoint: &Path) -> Result<Listener> {
    let address = address(mountpoint)?;
    if address.connect().is_ok() {
        bail!("a fault file system is mounted at {} already", mountpoint.display());
    }
    // Nobody answers on it: it was left by one that was killed.
    let _ = std::fs::remove_file(&address.path);
    let socket = UnixListener::bind(address.short())
        .with_context(|| format!("cannot listen on {}", address.path.display()))?;
    socket.set_nonblocking(true)?;
    Ok(Listener { socket, path: address.path })
}

/// Reads one command, has it carried out and answers.
pub(crate) fn answer(mut stream: UnixStream, execute: impl FnOnce(&Command) -> Result<Reply>) -> Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.set_write_timeout(Some(Duration::from_secs(2)))?;
    let mut line = String::new();
    BufReader::new(std::io::Read::take(&stream, 1 << 20)).read_line(&mut line)?;
    let reply = match serde_json::from_str::<Command>(&line) {
        Ok(command) => {
            execute(&command).unwrap_or_else(|error| Reply::Refused { message: format!("{error:#}") })
        }
        Err(error) => Reply::Refused { message: error.to_string() },
    };
    writeln!(stream, "{}", serde_json::to_string(&reply)?)?;
    Ok(())
}

/// Sends one command to a mounted fault file system and prints the answer.
pub(crate) fn control(mountpoint: &Path, command: &Command) -> Result<Exit> {
    let mut stream = address(mountpoint)?
        .connect()
        .with_context(|| format!("no fault file system of yours is mounted at {}", mountpoint.display()))?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    writeln!(stream, "{}", serde_json::to_string(command)?)?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).context("the fault file system did not answer")?;
    match serde_json::from_str(&line)? {
        Reply::Done { rules, released } => {
            let rules = if rules.is_empty() { "no fault".to_owned() } else { rules.join(", ") };
            say(format!("done: {rules}; {released} calls released\n"))?;
        }
        Reply::Cut { report } => {
            let what = judge::summary::timeline::cut_in_words(&report);
            say(format!("power cut under {what}, seed {}\n", report.seed))?;
        }
        Reply::Refused { message } => bail!("{message}"),
        status @ Reply::Status { .. } => say(serde_json::to_string_pretty(&status)? + "\n")?,
    }
    Ok(Exit::Valid)
}
