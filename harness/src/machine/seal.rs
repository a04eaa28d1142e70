//! The machine as a run sees it: nothing of it can be changed but in the run's own places.

use super::binds;
use super::private::Held;
use super::{attributes, private, sockets};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// Where the kernel lets FUSE connections be cut: the run cuts its own.
const CONNECTIONS: &str = "/sys/fs/fuse/connections";

/// Makes every mount of this namespace read-only but for `places`, and covers `sockets`.
pub(super) fn seal(places: &[PathBuf], sockets: &[PathBuf]) -> Result<()> {
    let places = places.iter().map(|place| hold(place)).collect::<Result<Vec<_>>>()?;
    attributes::read_only_tree(Path::new("/")).context(
        "the machine could not be made read-only for the run, which needs Linux 5.12 or newer; nothing was started",
    )?;
    private::temporary()?;
    for (place, held) in &places {
        open_again(place, held).with_context(|| format!("cannot write to {}", place.display()))?;
    }
    sockets::cover(sockets)?;
    if let Ok(connections) = Held::hold(Path::new(CONNECTIONS)) {
        // Where it is no mount of its own the run mounts another one for itself.
        let _ = attributes::writable(connections.descriptor());
    }
    Ok(())
}

fn hold(place: &Path) -> Result<(PathBuf, Held)> {
    let held = Held::hold(place).with_context(|| format!("cannot enter {}", place.display()))?;
    Ok((place.to_owned(), held))
}

/// Lays the place over itself as a mount of its own, which is writable.
fn open_again(place: &Path, held: &Held) -> Result<()> {
    binds::bind(&held.path(), place)?;
    Ok(attributes::writable(Held::hold(place)?.descriptor())?)
}
