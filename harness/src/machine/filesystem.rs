//! A real file system of the kernel's on a file: made, mounted, taken away.

use super::daemons::path_with_daemons;
use super::loop_device::{LoopDevice, LoopError};
use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use record::plan::device::{Filesystem, OnDevice};
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// A mount replays a journal, on a device that a fault may slow down.
const LONGEST_MOUNT: Duration = Duration::from_secs(60);

/// Options of a mount that takes no changes; ext4 says the latter two of itself after an error, since Linux 6.15.
const READ_ONLY: [&str; 3] = ["ro", "emergency_ro", "shutdown"];

/// Between two attempts to unmount what somebody still holds.
const UNMOUNT_AGAIN: Duration = Duration::from_millis(5);

/// Why there is no file system.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FilesystemError {
    #[error("only root can mount {0} on a device; run as root, or with `--persistence NAME`, a model of it")]
    NotRoot(Filesystem),
    #[error("this kernel has no {0} (it is not in /proc/filesystems, and there is no module of it)")]
    NoSuch(Filesystem),
    #[error("`{}` is not installed; `apt-get install {}`", .0.maker(), .0.package())]
    NoMaker(Filesystem),
    #[error(transparent)]
    Loop(#[from] LoopError),
    #[error("{} cannot be made on {}: {why}", filesystem, image.display())]
    NotMade { filesystem: Filesystem, image: PathBuf, why: String },
    #[error("{filesystem} cannot be mounted with `{options}`: {source}")]
    NotMounted { filesystem: Filesystem, options: String, source: io::Error },
    #[error("{0} was not mounted within {LONGEST_MOUNT:?}: its device does not answer")]
    Late(Filesystem),
    #[error("{} is still in use {limit:?} after its device went", at.display())]
    InUse { at: PathBuf, limit: Duration },
}

/// Fails if such a file system cannot be made or mounted here.
pub(crate) fn possible(filesystem: Filesystem) -> Result<(), FilesystemError> {
    if !nix::unistd::geteuid().is_root() {
        return Err(FilesystemError::NotRoot(filesystem));
    }
    if !known(filesystem) {
        return Err(FilesystemError::NoSuch(filesystem));
    }
    maker(filesystem).ok_or(FilesystemError::NoMaker(filesystem))?;
    Ok(super::loop_device::possible()?)
}

/// The kernel has it, or loads it when it is mounted.
fn known(filesystem: Filesystem) -> bool {
    let name: &str = filesystem.into();
    let listed = std::fs::read_to_string("/proc/filesystems").unwrap_or_default();
    let module = || {
        let probe =
            Command::new("modprobe").env("PATH", path_with_daemons()).args(["-n", "-q", name]).status();
        probe.is_ok_and(|status| status.success())
    };
    listed.split_whitespace().any(|word| word == name) || module()
}

fn maker(filesystem: Filesystem) -> Option<PathBuf> {
    let path = path_with_daemons();
    std::env::split_paths(&path).map(|place| place.join(filesystem.maker())).find(|program| program.is_file())
}

/// Makes the file system on the new file `image`, which stays sparse.
pub(crate) fn make(on: &OnDevice, image: &Path) -> Result<(), FilesystemError> {
    let not_made =
        |why: String| FilesystemError::NotMade { filesystem: on.filesystem, image: image.to_owned(), why };
    let file = File::create_new(image).map_err(|error| not_made(error.to_string()))?;
    file.set_len(on.size.0).map_err(|error| not_made(error.to_string()))?;
    let mut command = Command::new(maker(on.filesystem).ok_or(FilesystemError::NoMaker(on.filesystem))?);
    command.args(arguments(on)).args(&on.mkfs_options).arg(image).stdin(Stdio::null());
    // SAFETY: the closure runs in the forked child, which has one thread; it makes system calls only.
    unsafe {
        command.pre_exec(|| Ok(without_devices()?));
    }
    let made = command.output().map_err(|error| not_made(error.to_string()))?;
    if made.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&made.stderr).trim().replace('\n', "; ");
    Err(not_made(format!("{} ended with {}: {said}", on.filesystem.maker(), made.status)))
}

/// Whatever options it is given, it finds no disk of the machine's.
fn without_devices() -> nix::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
    mount(Some("tmpfs"), "/dev", Some("tmpfs"), MsFlags::empty(), None::<&str>)
}

/// Everything is written at once, so that nothing of `mkfs` is under way in the run.
fn arguments(on: &OnDevice) -> Vec<String> {
    let sector = u32::from(on.sector);
    let fixed: &[&str] = match on.filesystem {
        Filesystem::Ext4 => &[
            "-q",
            "-F",
            "-t",
            "ext4",
            "-b",
            "4096",
            "-E",
            "lazy_itable_init=0,lazy_journal_init=0,nodiscard",
        ],
        Filesystem::Xfs => &["-q", "-f", "-K"],
        Filesystem::Btrfs => &["-q", "-f", "-K"],
    };
    let mut arguments: Vec<String> = fixed.iter().map(|&word| word.to_owned()).collect();
    if on.filesystem == Filesystem::Xfs {
        arguments.extend(["-s".to_owned(), format!("size={sector}")]);
    }
    arguments
}

/// A mounted file system, until [`Mounted::unmount`], or until its mount namespace is gone.
#[derive(Debug)]
pub(crate) struct Mounted {
    at: PathBuf,
    filesystem: Filesystem,
    /// Such as `loop2`.
    device: String,
}

impl Mounted {
    /// Mounts what is on the file at `image` at `at`. The kernel replays its journal.
    pub(crate) fn new(on: &OnDevice, image: &Path, at: &Path) -> Result<Mounted, FilesystemError> {
        let (sender, receiver) = mpsc::channel();
        let (own, image, at) = (on.clone(), image.to_owned(), at.to_owned());
        // A device that does not answer must not stop whoever waits for it.
        let mounting = std::thread::Builder::new().name("mount".to_owned());
        let begun = mounting.spawn(move || sender.send(mount_now(&own, &image, at)));
        begun.map_err(|source| not_mounted(on, source))?;
        receiver.recv_timeout(LONGEST_MOUNT).map_err(|_| FilesystemError::Late(on.filesystem))?
    }

    /// Everything written so far goes to the device, and is flushed there.
    pub(crate) fn sync(&self) -> io::Result<()> {
        Ok(nix::unistd::syncfs(File::open(&self.at)?)?)
    }

    /// The same, for whoever must not wait for a device that may be frozen.
    ///
    /// # Errors
    /// It fails, or takes longer than `limit`; then it goes on by itself.
    pub(crate) fn sync_within(&self, limit: Duration) -> io::Result<()> {
        let (sender, receiver) = mpsc::channel();
        let at = self.at.clone();
        let syncing = move || sender.send(File::open(&at).and_then(|file| Ok(nix::unistd::syncfs(file)?)));
        std::thread::Builder::new().name("sync".to_owned()).spawn(syncing)?;
        let late =
            |_| io::Error::new(io::ErrorKind::TimedOut, format!("its device did not answer for {limit:?}"));
        receiver.recv_timeout(limit).map_err(late)?
    }

    /// The block device it is on, as the kernel names it.
    pub(crate) fn device(&self) -> &str {
        &self.device
    }

    /// It takes no changes: asked of the kernel's table of mounts, so that nobody waits for the device.
    pub(crate) fn is_read_only(&self) -> bool {
        let table = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let device = Path::new("/dev").join(&self.device);
        let line =
            table.lines().find(|line| line.split(' ').next().is_some_and(|first| Path::new(first) == device));
        let options = line.and_then(|line| line.split(' ').nth(3)).unwrap_or_default();
        options.split(',').any(|option| READ_ONLY.contains(&option))
    }

    /// Takes it away, while its device answers or with errors.
    ///
    /// # Errors
    /// Somebody still uses it after `limit`: then it is detached.
    pub(crate) fn unmount(self, limit: Duration) -> Result<(), FilesystemError> {
        let deadline = Instant::now() + limit;
        while let Err(error) = umount2(&self.at, MntFlags::empty()) {
            if error == Errno::EINVAL {
                break;
            }
            if error != Errno::EBUSY || Instant::now() >= deadline {
                let _ = umount2(&self.at, MntFlags::MNT_DETACH);
                return Err(FilesystemError::InUse { at: self.at, limit });
            }
            std::thread::park_timeout(UNMOUNT_AGAIN);
        }
        tracing::debug!(filesystem = %self.filesystem, at = %self.at.display(), "unmounted");
        Ok(())
    }
}

fn mount_now(on: &OnDevice, image: &Path, at: PathBuf) -> Result<Mounted, FilesystemError> {
    let device = LoopDevice::attach(image, on.sector.into())?;
    let (flags, data) = options(on);
    let name: &str = on.filesystem.into();
    mount(Some(device.path()), &at, Some(name), flags, Some(data.as_str()))
        .map_err(|error| not_mounted(on, error.into()))?;
    let device = device.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Mounted { at, filesystem: on.filesystem, device })
}

fn not_mounted(on: &OnDevice, source: io::Error) -> FilesystemError {
    FilesystemError::NotMounted { filesystem: on.filesystem, options: on.mount_options.join(","), source }
}

/// Options that every file system has are flags of the call; the rest is its own.
fn options(on: &OnDevice) -> (MsFlags, String) {
    let mut flags = MsFlags::empty();
    let mut own: Vec<&str> = Vec::new();
    for option in &on.mount_options {
        match common(option) {
            Some(flag) => flags |= flag,
            None => own.push(option),
        }
    }
    // Whatever a cut leaves is the same file system as before it.
    if on.filesystem == Filesystem::Xfs {
        own.push("nouuid");
    }
    (flags, own.join(","))
}

fn common(option: &str) -> Option<MsFlags> {
    match option {
        "noatime" => Some(MsFlags::MS_NOATIME),
        "nodiratime" => Some(MsFlags::MS_NODIRATIME),
        "relatime" => Some(MsFlags::MS_RELATIME),
        "strictatime" => Some(MsFlags::MS_STRICTATIME),
        "lazytime" => Some(MsFlags::MS_LAZYTIME),
        "sync" => Some(MsFlags::MS_SYNCHRONOUS),
        "dirsync" => Some(MsFlags::MS_DIRSYNC),
        _ => None,
    }
}
