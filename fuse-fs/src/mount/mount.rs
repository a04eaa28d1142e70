//! A mounted fault file system, from mounting to a clean machine.
//!
//! With the right to mount (root, or root of an own user namespace) the device is opened and mounted directly;
//! otherwise `fusermount3` does it. Dropping a [`Mount`] answers every parked call, unmounts (detaching if files
//! are still open), aborts the connection, and waits for the event loops.
//!
//! Limit: the library declines FUSE's interrupts, so a process killed while its call is parked dies only when
//! that call is answered: by heal, by the freeze's bound, or by [`Mount::abort`].

use super::ageing::Ageing;
use super::beliefs::Beliefs;
use super::callers::CommandFiles;
use super::connection::Connection;
use super::crew::Crew;
use super::ending::ends_within;
use super::fuse::Wire;
use super::pace::Pace;
use super::parking::{Parking, Thaw};
use super::recorder::TraceSink;
use super::service::Service;
use super::session::{Session, session_by_helper, session_on};
use super::table::{self, Lies, Owner};
use crate::fs::{Counted, Fs};
use crate::rules::decide::Decide;
use crate::rules::decision::RuleId;
use nix::fcntl::{OFlag, open};
use nix::mount::{MntFlags, MsFlags, umount2};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::Mode;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;
use std::time::Duration;

/// Inode descriptors kept at most: opening one again costs two system calls.
const MOST_DESCRIPTORS: usize = 8192;

/// Event loops, those in reserve included: so many calls the backing directory may hold up at once before others wait for them.
const MOST_LOOPS: usize = 64;

/// How long the programs that were killed when a mount is cut off may take to let go of their files.
const LAST_FILES: Duration = Duration::from_secs(2);

/// How long the event loops may take to notice that nobody uses the mount any more.
const UNUSED: Duration = Duration::from_millis(500);

/// How long they may take to notice that the connection was cut.
const CUT: Duration = Duration::from_secs(10);

/// How to mount.
#[derive(Clone, Debug)]
pub struct MountOptions {
    /// Event loops at work; more than there are cores is slower. Others are in reserve for those that the backing directory holds up.
    pub threads: usize,
    /// Let the kernel cache pages, names and attributes. Off: every call reaches the rules, but for questions for names and
    /// attributes that no rule asks for: what was answered to those is believed for a second.
    pub page_cache: bool,
    /// No frozen call waits longer, whatever its rule says.
    pub longest_freeze: Duration,
    /// What a power cut would lose. Without it, nothing.
    pub durability: Option<Arc<crate::durability::Volatile>>,
    /// Its power, where the disk beneath keeps account of what is durable and no model does.
    pub plug: Option<Arc<crate::durability::plug::Plug>>,
    /// It is the disk beneath another storage.
    pub beneath: Option<crate::durability::unflushed::Beneath>,
    /// Where everything is noted that is written, where no model keeps account of it.
    pub write_log: Option<Arc<crate::durability::write_log::WriteLog>>,
}

impl Default for MountOptions {
    fn default() -> MountOptions {
        MountOptions {
            threads: std::thread::available_parallelism().map_or(2, usize::from),
            page_cache: false,
            longest_freeze: Duration::from_secs(600),
            durability: None,
            plug: None,
            beneath: None,
            write_log: None,
        }
    }
}

/// Why there is no mount.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    /// No FUSE device.
    #[error(
        "cannot open /dev/fuse; load the `fuse` module, or pass the device into the container (`--device /dev/fuse`), and check its permissions"
    )]
    Device(#[source] std::io::Error),
    /// The backing directory cannot be used.
    #[error("backing directory {} cannot be used; it must exist and be writable", path.display())]
    Backing {
        path: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// The mountpoint cannot be used.
    #[error("mountpoint {}: {reason}; give an empty directory", path.display())]
    Mountpoint {
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No right to mount.
    #[error("no permission to mount on {}; {}", path.display(), who_may_mount(nix::unistd::geteuid().is_root()))]
    Permission {
        path: PathBuf,
        /// What the kernel or the helper said.
        source: std::io::Error,
    },
    /// A rule of the machine's.
    #[error(
        "it is forbidden to mount on {}: AppArmor or another security module may forbid it (`dmesg | grep DENIED`); in a \
         container, `--cap-add SYS_ADMIN --security-opt apparmor=unconfined`",
        path.display()
    )]
    Forbidden {
        path: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// Anything else that the kernel refused.
    #[error("cannot mount on {}", path.display())]
    Other {
        path: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
}

fn who_may_mount(root: bool) -> &'static str {
    match root {
        true => "a container needs `--cap-add SYS_ADMIN --security-opt apparmor=unconfined` for that",
        false => "run as root, or install fusermount3 (Debian package fuse3)",
    }
}

/// What the kernel refused, but for EPERM: then the helper is asked.
fn refused(error: nix::errno::Errno, mountpoint: &Path) -> MountError {
    let (path, source) = (mountpoint.to_owned(), error.into());
    match error {
        nix::errno::Errno::EACCES => MountError::Forbidden { path, source },
        _ => MountError::Other { path, source },
    }
}

/// A mounted file system; unmounted when dropped.
pub struct Mount {
    service: Arc<Service>,
    mountpoint: PathBuf,
    connection: Option<Connection>,
    session: Option<JoinHandle<std::io::Result<()>>>,
    /// As long as the rules may have to take them back.
    _beliefs: Arc<Beliefs>,
    _ageing: Option<Ageing>,
}

impl std::fmt::Debug for Mount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mount").field("mountpoint", &self.mountpoint).finish_non_exhaustive()
    }
}

impl Mount {
    /// Mounts `backing` on the empty directory `mountpoint`.
    pub fn new(
        backing: &Path,
        mountpoint: &Path,
        options: MountOptions,
        decide: Arc<dyn Decide>,
        trace: Option<TraceSink>,
    ) -> Result<Mount, MountError> {
        let root = open_backing(backing)?;
        let mountpoint = check_mountpoint(mountpoint)?;
        let other = |source| MountError::Other { path: mountpoint.clone(), source };
        let descriptors = usable_descriptors();
        let power = (options.durability.clone(), options.plug.clone());
        let counted = Counted::of(options.plug.as_deref(), options.beneath);
        let fs = Fs::new(root, descriptors, power, counted, decide.lies())
            .map_err(|e| other(e.into()))?
            .noting(options.write_log.clone());
        let parking = Parking::new(options.threads, options.longest_freeze).map_err(other)?;
        let _ageing = options.durability.map(Ageing::of).transpose().map_err(other)?;
        let loops = Crew::new(options.threads, MOST_LOOPS).map_err(other)?;
        let threads = loops.len();
        let service = Arc::new(Service {
            fs,
            loops,
            syncs: Pace::default(),
            parking,
            decide,
            trace,
            commands: CommandFiles::default(),
            cached: options.page_cache,
            expires: AtomicBool::new(false),
        });
        let wire = Wire { service: service.clone() };
        let owner = Owner {
            process: std::process::id(),
            keeps_account: service.fs.volatile().is_some(),
            backing: backing.canonicalize().map_err(other)?,
        };
        let session = start(wire, &mountpoint, threads, &owner.source())?;
        let unmount = |_: &_| {
            if let Err(error) = detach(&mountpoint) {
                tracing::error!(path = %mountpoint.display(), %error, "could not unmount");
            }
        };
        let beliefs = Beliefs::of(&session, &service).inspect_err(unmount).map_err(other)?;
        // From here on a failure must unmount: `Mount` does that when dropped.
        let mut mount =
            Mount { service, mountpoint, connection: None, session: None, _beliefs: beliefs, _ageing };
        let thread = std::thread::Builder::new().name("fuse-session".into()).spawn(move || session.run());
        match thread {
            Ok(thread) => mount.session = Some(thread),
            Err(source) => return Err(MountError::Other { path: mount.mountpoint.clone(), source }),
        }
        mount.connection = device_minor(&mount.mountpoint).and_then(Connection::open);
        Ok(mount)
    }

    /// Where it is mounted.
    pub fn mountpoint(&self) -> &Path {
        &self.mountpoint
    }

    /// Lets the calls frozen by one rule (or by all) go on; returns how many there were.
    pub fn heal(&self, rule: Option<RuleId>, outcome: Thaw) -> usize {
        self.service.heal(rule, outcome)
    }

    /// How many calls wait: those frozen by one rule, or all, delayed ones included.
    pub fn parked(&self, rule: Option<RuleId>) -> usize {
        self.service.parking.parked_count(rule)
    }

    /// It serves calls: nobody unmounted it from outside.
    pub fn is_mounted(&self) -> bool {
        self.session.as_ref().is_some_and(|session| !session.is_finished())
    }

    /// How many inodes the kernel knows.
    pub fn known_inodes(&self) -> usize {
        self.service.fs.table.len()
    }

    /// How many descriptors are held to reach inodes; open files apart.
    pub fn inode_descriptors(&self) -> usize {
        self.service.fs.table.open_descriptors()
    }

    /// What cuts its connection when something is written to it, for a process that outlives this one.
    ///
    /// # Errors
    /// This user may not cut the connection.
    pub fn way_to_cut(&self) -> std::io::Result<OwnedFd> {
        let denied = || std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        self.connection.as_ref().ok_or_else(denied)?.way_to_cut()
    }

    /// Unmounts: parked calls fail with `EIO`, open files stay usable for nobody.
    pub fn unmount(mut self) -> std::io::Result<()> {
        self.end(Thaw::Fail(libc::EIO), Duration::ZERO).map(|_| ())
    }

    /// Cuts the connection: every call under way fails, then the mount goes. Afterwards nobody reaches the backing
    /// directory through it.
    ///
    /// # Errors
    /// The kernel did not unmount it, or did not let this user cut the connection while files on it are open.
    pub fn abort(mut self) -> std::io::Result<()> {
        self.abort_connection();
        match self.end(Thaw::Fail(libc::ECONNABORTED), LAST_FILES)? {
            true => Ok(()),
            false => Err(std::io::Error::other(in_use(self.unanswered()))),
        }
    }

    /// Cuts the connection and leaves the mount where it is: every call on it fails, now and later, and whatever lies
    /// beneath the mount point stays out of reach. Whether this user may do that.
    pub fn cut_off(&self) -> bool {
        let cut = self.abort_connection();
        self.service.parking.close(Thaw::Fail(libc::ECONNABORTED));
        cut
    }

    /// Cuts it off and forgets it. Its last descriptor goes with this process, and the mount stays, dead.
    pub fn leave(mut self) {
        self.cut_off();
        self.session = None;
    }

    /// Whether it is gone: files may still be open on a mount that was only detached. If nobody may cut the
    /// connection, their last user is waited for, at most `patience`. Whatever else is mounted there stays.
    fn end(&mut self, parked: Thaw, patience: Duration) -> std::io::Result<bool> {
        let Some(session) = self.session.take() else { return Ok(true) };
        let came_back = self.service.parking.close(parked);
        // Who cannot see the table has made this mount all the same.
        let lies = table::lies(std::process::id(), &self.mountpoint).unwrap_or(Lies::OnTop);
        let quiet = lies == Lies::Nowhere
            || (lies == Lies::OnTop && umount2(&self.mountpoint, MntFlags::empty()).is_ok());
        if lies == Lies::OnTop && !quiet {
            detach(&self.mountpoint)?;
        }
        // Another mount namespace may hold a copy of a mount that is gone from this one: the connection is cut then too.
        let ended = (quiet && ends_within(UNUSED, &session))
            || (self.abort_connection() && ends_within(CUT, &session))
            || ends_within(patience, &session);
        if ended {
            session.join().map_err(|_| std::io::Error::other("an event loop panicked"))??;
        }
        if lies == Lies::Covered {
            return Err(std::io::Error::other(format!(
                "something else was mounted over {0} and covers the storage, which is dead now: `umount {0}` twice",
                self.mountpoint.display()
            )));
        }
        if ended && came_back {
            return Ok(true);
        }
        tracing::warn!(path = %self.mountpoint.display(), "detached; {}", in_use(self.unanswered()));
        Ok(false)
    }

    /// Calls that the backing directory has not answered.
    fn unanswered(&self) -> usize {
        self.service.loops.under_way() + self.service.parking.under_way()
    }

    fn abort_connection(&self) -> bool {
        self.connection.as_ref().is_some_and(Connection::abort)
    }
}

/// Why a mount that was detached is not gone.
fn in_use(unanswered: usize) -> String {
    match unanswered {
        0 => "files on it are still open, and this user may not cut the connection; end the programs that use it, or run as root"
            .to_owned(),
        calls => format!(
            "the backing directory has not answered {calls} of its calls; see what is wrong with the disk, or the network path, \
             beneath it: they end with it"
        ),
    }
}

/// Minor number of the device mounted at `mountpoint`, as the kernel knows it: a call into the mount may hang, for
/// example when a rule freezes everything.
fn device_minor(mountpoint: &Path) -> Option<u64> {
    let path = std::ffi::CString::new(mountpoint.as_os_str().as_bytes()).ok()?;
    // SAFETY: statx is plain data; the all-zero value is valid.
    let mut found: libc::statx = unsafe { std::mem::zeroed() };
    let flags = libc::AT_STATX_DONT_SYNC | libc::AT_NO_AUTOMOUNT;
    // SAFETY: the path ends with a zero byte, and both pointers outlive the call.
    let done = unsafe { libc::statx(libc::AT_FDCWD, path.as_ptr(), flags, 0, &mut found) };
    (done == 0).then(|| found.stx_dev_minor.into())
}

/// Detaches whatever is mounted at `mountpoint`: the way out when the process that mounted it is gone.
pub fn detach(mountpoint: &Path) -> std::io::Result<()> {
    match umount2(mountpoint, MntFlags::MNT_DETACH) {
        Ok(()) | Err(nix::errno::Errno::EINVAL) => Ok(()),
        Err(nix::errno::Errno::EPERM) => detach_by_helper(mountpoint),
        Err(error) => Err(error.into()),
    }
}

/// Detaches the mount that `process` made at `mountpoint`, a path without links, if that is the uppermost one there: the way
/// out when that process is gone. Whatever else is mounted there stays: it may be somebody's disk.
pub fn detach_of(process: u32, mountpoint: &Path) -> std::io::Result<()> {
    match table::lies(process, mountpoint)? {
        Lies::OnTop => detach(mountpoint),
        Lies::Covered | Lies::Nowhere => Ok(()),
    }
}

fn detach_by_helper(mountpoint: &Path) -> std::io::Result<()> {
    let status =
        std::process::Command::new("fusermount3").args(["-u", "-z", "-q", "--"]).arg(mountpoint).status()?;
    if status.success() { Ok(()) } else { Err(std::io::Error::other(format!("fusermount3: {status}"))) }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if self.session.is_none() {
            return;
        }
        if let Err(error) = self.end(Thaw::Fail(libc::EIO), Duration::ZERO) {
            tracing::error!(path = %self.mountpoint.display(), %error, "could not unmount");
        }
    }
}

fn open_backing(path: &Path) -> Result<OwnedFd, MountError> {
    let failed = |e: nix::errno::Errno| MountError::Backing { path: path.into(), source: e.into() };
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let root = open(path, flags, Mode::empty()).map_err(failed)?;
    let writable = nix::unistd::AccessFlags::W_OK | nix::unistd::AccessFlags::X_OK;
    nix::unistd::access(path, writable).map_err(failed)?;
    Ok(root)
}

fn check_mountpoint(path: &Path) -> Result<PathBuf, MountError> {
    let bad = |reason: String| MountError::Mountpoint { path: path.into(), reason };
    let absolute = path.canonicalize().map_err(|e| bad(e.to_string()))?;
    let mut entries = std::fs::read_dir(&absolute).map_err(|e| bad(e.to_string()))?;
    match entries.next() {
        None => Ok(absolute),
        Some(_) => Err(bad("it is not empty".into())),
    }
}

/// Raises the limit of open files as far as allowed; half of it may hold inodes.
fn usable_descriptors() -> usize {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return 256 };
    let limit = if setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok() { hard } else { soft };
    usize::try_from(limit / 2).unwrap_or(usize::MAX).clamp(64, MOST_DESCRIPTORS)
}

fn start(wire: Wire, mountpoint: &Path, threads: usize, source: &str) -> Result<Session, MountError> {
    let device = open("/dev/fuse", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())
        .map_err(|e| MountError::Device(e.into()))?;
    match mount_directly(&device, mountpoint, source) {
        Ok(()) => session_on(wire, device, threads).map_err(|source| {
            if let Err(error) = umount2(mountpoint, MntFlags::MNT_DETACH) {
                tracing::error!(path = %mountpoint.display(), %error, "could not unmount");
            }
            MountError::Other { path: mountpoint.into(), source }
        }),
        Err(nix::errno::Errno::EPERM) => {
            drop(device);
            session_by_helper(wire, mountpoint, threads, source.to_owned())
                .map_err(|source| MountError::Permission { path: mountpoint.into(), source })
        }
        Err(error) => Err(refused(error, mountpoint)),
    }
}

/// With devices and set-id programs where the kernel allows them: inside a user namespace it does not.
fn mount_directly(device: &OwnedFd, mountpoint: &Path, source: &str) -> nix::Result<()> {
    let data = format!(
        "fd={},rootmode=40000,user_id={},group_id={},default_permissions,allow_other",
        device.as_raw_fd(),
        nix::unistd::geteuid(),
        nix::unistd::getegid(),
    );
    let mount =
        |flags| nix::mount::mount(Some(source), mountpoint, Some(table::KIND), flags, Some(data.as_str()));
    mount(MsFlags::empty()).or_else(|_| mount(MsFlags::MS_NOSUID | MsFlags::MS_NODEV))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_a_mount_is_not_gone_is_said() {
        insta::assert_snapshot!(in_use(0), @"files on it are still open, and this user may not cut the connection; end the programs that use it, or run as root");
        insta::assert_snapshot!(in_use(2), @"the backing directory has not answered 2 of its calls; see what is wrong with the disk, or the network path, beneath it: they end with it");
    }

    #[test]
    fn whoever_may_not_mount_is_told_who_forbids_it() {
        let said = |errno| refused(errno, Path::new("/m")).to_string();
        insta::assert_snapshot!(said(nix::errno::Errno::EACCES), @"it is forbidden to mount on /m: AppArmor or another security module may forbid it (`dmesg | grep DENIED`); in a container, `--cap-add SYS_ADMIN --security-opt apparmor=unconfined`");
        insta::assert_snapshot!(said(nix::errno::Errno::ENODEV), @"cannot mount on /m");
        assert!(!who_may_mount(true).contains("run as root") && who_may_mount(false).contains("run as root"));
    }
}
