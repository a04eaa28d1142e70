//! The control socket: where it lies, and both ends of a conversation.

use crate::exit::{Exit, say};
use anyhow::{Context, Result, anyhow, bail, ensure};
use fuse_fs::mount::control::{Command, Reply};
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Component, Path, PathBuf};
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

/// Where a path leads by its links, as far as it is there, or to where it enters one of `places`, which are not looked into: they
/// may be frozen.
pub(super) fn leads_to(path: &Path, places: &[PathBuf]) -> Result<PathBuf> {
    let mut rest: Vec<OsString> = parts(&std::path::absolute(path)?);
    let (mut at, mut links) = (PathBuf::from("/"), 0);
    while let Some(name) = rest.pop() {
        if name == ".." {
            at.pop();
            continue;
        }
        let named = at.join(&name);
        if places.iter().any(|place| named.starts_with(place)) {
            return Ok(named.join(rest.into_iter().rev().collect::<PathBuf>()));
        }
        let Ok(target) = named.read_link() else {
            at = named;
            continue;
        };
        links += 1;
        ensure!(links <= MOST_LINKS, "{} leads through more than {MOST_LINKS} links", path.display());
        if target.is_absolute() {
            at = PathBuf::from("/");
        }
        rest.extend(parts(&target));
    }
    Ok(at)
}

/// The names of a path, the last one first.
fn parts(path: &Path) -> Vec<OsString> {
    let name = |part: Component<'_>| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    path.components().rev().filter_map(name).collect()
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
        Reply::Durable => say("everything so far is durable\n")?,
        Reply::Refused { message } => bail!("{message}"),
        status @ Reply::Status { .. } => say(serde_json::to_string_pretty(&status)? + "\n")?,
    }
    Ok(Exit::Valid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_path_is_followed_up_to_what_must_not_be_looked_into() {
        let place = tempfile::tempdir().expect("a directory");
        let here = place.path().canonicalize().expect("it is there");
        std::fs::create_dir_all(here.join("d/e")).expect("made");
        symlink("../m/deep", here.join("d/link")).expect("linked");
        symlink(here.join("d/link"), here.join("far")).expect("linked");
        symlink("loop", here.join("loop")).expect("linked");
        let leads = |path: &str| leads_to(&here.join(path), &[here.join("m")]);
        let to = |path: &str| {
            leads(path).expect("it leads somewhere").strip_prefix(&here).expect("here").to_owned()
        };
        assert_eq!(to("far/record"), Path::new("m/deep/record"));
        assert_eq!(to("d/e/../../m/record"), Path::new("m/record"));
        assert_eq!(to("d/link/../x"), Path::new("m/deep/../x"));
        assert_eq!(to("d/new/record"), Path::new("d/new/record"));
        let said = leads("loop/record").expect_err("it leads nowhere").to_string();
        insta::assert_snapshot!(said.replace(&here.display().to_string(), ""), @"/loop/record leads through more than 40 links");
    }
}
