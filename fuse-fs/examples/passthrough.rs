//! `passthrough BACKING MOUNTPOINT`: the pass-through alone, without faults, until SIGTERM or SIGINT.

use fuse_fs::engine::NoFaults;
use fuse_fs::mount::{Mount, MountOptions};
use nix::sys::signal::{SigSet, Signal};
use std::path::Path;
use std::sync::Arc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, backing, mountpoint] = arguments.as_slice() else {
        return Err("usage: passthrough BACKING MOUNTPOINT".into());
    };
    // Blocked before any thread starts, so that only the wait below sees them.
    let mut stop = SigSet::empty();
    stop.add(Signal::SIGINT);
    stop.add(Signal::SIGTERM);
    stop.thread_block()?;
    let options = MountOptions::default();
    let mount = Mount::new(Path::new(backing), Path::new(mountpoint), options, Arc::new(NoFaults), None)?;
    stop.wait()?;
    mount.unmount()?;
    Ok(())
}
