//! Sockets of the machine's programs in the file system. A read-only mount does not keep anybody from talking to them.

use super::private;
use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

/// Paths of the machine's sockets, from its first process's list; an ordinary user may not be shown it.
pub(super) fn of_the_machine() -> Vec<PathBuf> {
    let list = std::fs::read_to_string("/proc/1/net/unix").unwrap_or_default();
    paths(&list).map(PathBuf::from).collect()
}

/// The last column; a name of another kind begins with `@`, and a relative one says too little.
fn paths(list: &str) -> impl Iterator<Item = &str> {
    let path = |line: &'_ str| line.find(" /").map(|at| at + 1);
    list.lines().filter_map(move |line| Some(&line[path(line)?..]))
}

/// Covers each of them that is not in a directory of which servers see another one anyway.
pub(super) fn cover(sockets: &[PathBuf]) -> Result<()> {
    let hidden = |path: &&PathBuf| !private::OF_SERVERS.iter().any(|own| path.starts_with(own));
    let mut found: Vec<&PathBuf> = sockets.iter().filter(hidden).filter(|path| is_socket(path)).collect();
    found.sort();
    found.dedup();
    found.into_iter().try_for_each(|path| {
        mount(Some("/dev/null"), path, None::<&str>, MsFlags::MS_BIND, None::<&str>)
            .with_context(|| format!("cannot cover the socket {}", path.display()))
    })
}

fn is_socket(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_the_last_column() {
        let list = "Num       RefCount Protocol Flags    Type St Inode Path\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 11420 /var/lib/x y/s\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 11421 @/tmp/abstract\n\
            0000000000000000: 00000003 00000000 00000000 0001 03 11422\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 11423 private/smtp\n";
        assert_eq!(paths(list).collect::<Vec<_>>(), ["/var/lib/x y/s"]);
    }
}
