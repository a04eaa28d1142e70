//! `passthrough BACKING MOUNTPOINT [PROFILE]`: the pass-through alone, without faults, until SIGTERM or SIGINT; with the
//! durability model of a profile if one is named.

use fuse_fs::durability::profile::{Persistence, Profile};
use fuse_fs::durability::{Options, Volatile};
use fuse_fs::mount::{Mount, MountOptions};
use fuse_fs::rules::decide::NoFaults;
use nix::sys::signal::{SigSet, Signal};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn model(backing: &Path, profile: Profile) -> std::io::Result<Arc<Volatile>> {
    let options = Options {
        persistence: Persistence { profile, ..Persistence::default() },
        limbo: backing.with_extension("limbo"),
        spill: std::env::temp_dir(),
        memory: 64 << 20,
        loses_acknowledged: Duration::ZERO,
    };
    Volatile::new(backing, options)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let (backing, mountpoint, profile) = match arguments.as_slice() {
        [_, backing, mountpoint] => (backing, mountpoint, None),
        [_, backing, mountpoint, profile] => (backing, mountpoint, Some(profile.parse()?)),
        _ => return Err("usage: passthrough BACKING MOUNTPOINT [PROFILE]".into()),
    };
    // Blocked before any thread starts, so that only the wait below sees them.
    let mut stop = SigSet::empty();
    stop.add(Signal::SIGINT);
    stop.add(Signal::SIGTERM);
    stop.thread_block()?;
    let durability = profile.map(|profile| model(Path::new(backing), profile)).transpose()?;
    let options = MountOptions { durability, ..MountOptions::default() };
    let mount = Mount::new(Path::new(backing), Path::new(mountpoint), options, Arc::new(NoFaults), None)?;
    stop.wait()?;
    mount.unmount()?;
    Ok(())
}
