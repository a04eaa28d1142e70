//! Takes back what the kernel was told of names and attributes, when a rule comes that has to be asked.
//!
//! To take back attributes the kernel locks nothing. To take back a name it locks the directory, as a call that waits here may have
//! done: while one waits no name is taken back, and what is believed runs out by itself. Never done on a thread that serves calls.

use super::believed::BELIEVED;
use super::service::Service;
use super::session::Session;
use crate::inode::ROOT;
use crate::rules::decide::Believer;
use crossbeam_channel::{Sender, bounded};
use nix::errno::Errno;
use nix::unistd::write;
use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// Codes and flags of `linux/fuse.h`.
const NOTIFY_INVAL_INODE: i32 = 2;
const NOTIFY_INVAL_ENTRY: i32 = 3;
/// The name stays known and is asked for when it is next used: whoever works in the directory, or mounted there, keeps it.
const EXPIRE_ONLY: u32 = 1;
/// No pages, attributes only.
const NO_PAGES: i64 = -1;

/// What the kernel was told by one mount.
#[derive(Debug)]
pub(crate) struct Beliefs {
    /// A way of its own to the kernel.
    device: Arc<OwnedFd>,
    service: Weak<Service>,
}

impl Beliefs {
    /// Those of a session. The rules know of them as long as they are held.
    pub(crate) fn of(session: &Session, service: &Arc<Service>) -> std::io::Result<Arc<Beliefs>> {
        let device = Arc::new(session.as_fd().try_clone_to_owned()?);
        let beliefs = Arc::new(Beliefs { device, service: Arc::downgrade(service) });
        let believer: Arc<dyn Believer> = beliefs.clone();
        service.decide.believed_by(Arc::downgrade(&believer));
        Ok(beliefs)
    }
}

impl Believer for Beliefs {
    fn take_back(&self) {
        let Some(service) = self.service.upgrade().filter(|service| !service.cached) else { return };
        let run_out = Instant::now() + BELIEVED;
        let (done, is_done) = bounded(1);
        let device = self.device.clone();
        let walk = std::thread::Builder::new()
            .name("take-back".into())
            .spawn(move || take_all_back(&device, &service, run_out, &done));
        // Where the names could not be taken back, all that was believed has run out by then.
        if walk.is_err() || is_done.recv_deadline(run_out).is_err() {
            _ = crossbeam_channel::at(run_out).recv();
        }
    }
}

/// Says that it is done only if it could take back everything.
fn take_all_back(device: &OwnedFd, service: &Service, run_out: Instant, done: &Sender<()>) {
    let known = service.fs.table.known();
    let attributes = || [ROOT].iter().chain(&known).try_for_each(|ino| take_attributes_back(device, *ino));
    let name = |ino: &u64| match service.fs.table.name(*ino) {
        Some((parent, name)) => take_name_back(device, parent, &name),
        None => Ok(()),
    };
    let names = || {
        service.expires.load(Relaxed)
            && known.iter().all(|ino| nobody_waits(service, run_out) && name(ino).is_ok())
    };
    if attributes().is_ok() && names() {
        // Nobody waits any more if it took too long.
        _ = done.send(());
    }
}

/// Whether no call waits here before `deadline`.
fn nobody_waits(service: &Service, deadline: Instant) -> bool {
    let waits = || service.parking.parked_count(None) > 0 || service.loops.held_up() > 0;
    while waits() && Instant::now() < deadline {
        std::thread::park_timeout(Duration::from_millis(1));
    }
    Instant::now() < deadline
}

fn take_attributes_back(device: &OwnedFd, ino: u64) -> nix::Result<()> {
    let body = [ino.to_ne_bytes(), NO_PAGES.to_ne_bytes(), 0i64.to_ne_bytes()].concat();
    notify(device, NOTIFY_INVAL_INODE, &body)
}

fn take_name_back(device: &OwnedFd, parent: u64, name: &OsStr) -> nix::Result<()> {
    let length = u32::try_from(name.len()).map_err(|_| Errno::ENAMETOOLONG)?;
    let numbers = [length.to_ne_bytes(), EXPIRE_ONLY.to_ne_bytes()].concat();
    let body = [&parent.to_ne_bytes()[..], &numbers, name.as_bytes(), &[0]].concat();
    notify(device, NOTIFY_INVAL_ENTRY, &body)
}

/// What the kernel does not know any more need not be taken back.
fn notify(device: &OwnedFd, code: i32, body: &[u8]) -> nix::Result<()> {
    const HEADER: usize = 16;
    let length = u32::try_from(HEADER + body.len()).map_err(|_| Errno::E2BIG)?;
    let header = [length.to_ne_bytes(), code.to_ne_bytes(), [0; 4], [0; 4]].concat();
    match write(device, &[&header, body].concat()) {
        Ok(_) | Err(Errno::ENOENT) => Ok(()),
        Err(error) => Err(error),
    }
}
