//! What a mail server sees of the machine: mounts and a host name of its own. Nothing of the machine changes.

use super::grounds::Shown;
use super::private::Held;
use super::{attributes, capabilities, own_user_namespace, private};
use crate::machine::binds::bind;
use crate::machine::binds::empty_directory;
use anyhow::{Context, Result, bail};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use serde::{Deserialize, Serialize};
use std::fs::{File, Metadata};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// A view, made by the init of the server's namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct View {
    /// The machine's name.
    pub hostname: Option<String>,
    /// Mounts in their order.
    pub mounts: Vec<ViewMount>,
    /// The run's directories that it may write to, under other paths too.
    pub shown: Shown,
    /// The run's places, which it may not write to otherwise.
    pub sealed: Vec<PathBuf>,
    /// Where it starts, as it sees it.
    pub directory: PathBuf,
}

/// One mount of a view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ViewMount {
    /// `over` laid over what is at `at`, read-only; the first is uppermost.
    Overlay {
        over: Vec<PathBuf>,
        /// Existing directory.
        at: PathBuf,
    },
    /// The file or directory `from`, seen at `at`.
    Bind {
        /// What is seen.
        from: PathBuf,
        at: PathBuf,
    },
    /// An empty directory in memory.
    Tmpfs { at: PathBuf },
}

impl View {
    /// Gives the calling process, which has a mount namespace of its own already, this view.
    pub(crate) fn enter(&self) -> Result<()> {
        if let Some(name) = &self.hostname {
            unshare(CloneFlags::CLONE_NEWUTS).context("cannot have a host name of its own")?;
            nix::unistd::sethostname(name).with_context(|| format!("cannot be called {name}"))?;
        }
        private::of_a_server()?;
        // Whatever the mounts cover.
        let shown = self.shown.iter().filter(|(from, _)| from.is_dir());
        let shown = shown.map(|(from, at)| Ok((Held::hold(from)?, at))).collect::<Result<Vec<_>>>()?;
        let sealed = self.sealed.iter().map(|place| Ok(Held::hold(place)?)).collect::<Result<Vec<_>>>()?;
        self.mounts.iter().try_for_each(ViewMount::make)?;
        for (from, at) in shown {
            ViewMount::Bind { from: from.path(), at: at.clone() }.make()?;
        }
        sealed.iter().try_for_each(|place| Ok(attributes::read_only(place.descriptor())?))
    }

    /// Makes it the only one that the calling process, which has one thread, can ever have, and starts in its directory.
    pub(crate) fn lock_in(&self) -> Result<()> {
        if !own_user_namespace::lock_in().context("the mail server cannot be locked in")? {
            tracing::debug!("no user namespace can be made here: capabilities alone confine the mail server");
        }
        attributes::read_only_tree(Path::new("/proc")).context("cannot make /proc read-only")?;
        attributes::read_only_tree(Path::new("/sys"))
            .or_else(absent)
            .context("cannot make /sys read-only")?;
        capabilities::keep_those_of_servers().context("cannot give up capabilities")?;
        std::env::set_current_dir(&self.directory)
            .with_context(|| format!("cannot enter {}", self.directory.display()))
    }
}

impl ViewMount {
    fn make(&self) -> Result<()> {
        match self {
            ViewMount::Overlay { over, at } => lay_over(over, at).with_context(|| {
                format!(
                    "cannot lay {} over {}; the kernel needs overlayfs (`modprobe overlay`)",
                    shown(over),
                    at.display()
                )
            }),
            ViewMount::Bind { from, at } => {
                let found =
                    std::fs::metadata(from).with_context(|| format!("cannot show {}", from.display()))?;
                let at = &place(at, &found)?;
                bind(from, at).with_context(|| format!("cannot show {} at {}", from.display(), at.display()))
            }
            ViewMount::Tmpfs { at } => {
                let at = &place(at, &std::fs::metadata("/")?)?;
                empty_directory(at, &std::fs::metadata(at)?)
            }
        }
    }
}

fn absent(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

fn shown(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" and ")
}

fn lay_over(over: &[PathBuf], at: &Path) -> Result<()> {
    let layers: Vec<String> = over.iter().map(PathBuf::as_path).chain([at]).map(escaped).collect();
    let data = format!("lowerdir={}", layers.join(":"));
    Ok(mount(Some("overlay"), at, Some("overlay"), MsFlags::MS_RDONLY, Some(data.as_str()))?)
}

/// A path as overlayfs reads it in its options.
fn escaped(path: &Path) -> String {
    let text = path.display().to_string();
    text.chars().flat_map(|c| ['\\'].into_iter().filter(move |_| ":,\\".contains(c)).chain([c])).collect()
}

/// Something of the kind of `like` to mount on at `at`. If there is none, and none can be made because the machine is
/// read-only, the nearest directory above that exists is replaced, in this namespace, by one in memory that shows the same
/// entries and has room for more.
fn place(at: &Path, like: &Metadata) -> Result<PathBuf> {
    if at.exists() || make(at, like).is_ok() {
        return Ok(at.to_owned());
    }
    let above = at.ancestors().skip(1).find(|above| above.is_dir());
    let above = above.with_context(|| format!("{} is not an absolute path", at.display()))?.canonicalize()?;
    if above == Path::new("/") {
        bail!("{} cannot be made: only what lies below a directory of the machine can", at.display());
    }
    let rest = at.strip_prefix(at.ancestors().skip(1).find(|above| above.is_dir()).unwrap_or(at))?;
    remake(&above, rest.iter().next().map(Path::new).unwrap_or(rest))?;
    let made = above.join(rest);
    make(&made, like)?;
    Ok(made)
}

fn make(at: &Path, like: &Metadata) -> std::io::Result<()> {
    if like.is_dir() {
        return std::fs::create_dir_all(at);
    }
    at.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    File::create(at).map(drop)
}

/// Replaces `directory` by one in memory that shows every entry but `without`.
fn remake(directory: &Path, without: &Path) -> Result<()> {
    let metadata = std::fs::metadata(directory)?;
    let old: OwnedFd = File::open(directory)?.into();
    // The path through the descriptor leads beneath what is mounted from now on.
    let old_path = PathBuf::from(format!("/proc/self/fd/{}", old.as_raw_fd()));
    let entries = std::fs::read_dir(&old_path)?.collect::<std::io::Result<Vec<_>>>()?;
    empty_directory(directory, &metadata)?;
    for entry in entries.iter().filter(|entry| Path::new(&entry.file_name()) != without) {
        let (from, to) = (old_path.join(entry.file_name()), directory.join(entry.file_name()));
        show_again(&from, &to).with_context(|| format!("cannot show {} again", to.display()))?;
    }
    Ok(())
}

fn show_again(from: &Path, to: &Path) -> Result<()> {
    let found = std::fs::symlink_metadata(from)?;
    if found.is_symlink() {
        return Ok(symlink(std::fs::read_link(from)?, to)?);
    }
    if found.is_dir() {
        std::fs::create_dir(to)?;
    } else {
        File::create(to)?;
    }
    Ok(bind(from, to)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_overlayfs_takes_for_separators_is_escaped() {
        assert_eq!(escaped(Path::new(r"/a:b,c\d")), r"/a\:b\,c\\d");
    }
}
