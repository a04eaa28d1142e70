//! What a path lies on: mount, file system and device, as the kernel knows them.

use fuse_fs::mount::table::{self, Entry};
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// In words, inert: `ext4 on /dev/sda1 (8:1) at /srv/mail (rw,relatime)`.
pub(crate) fn words(mount: &Entry) -> String {
    let Entry { mountpoint, kind, source, device, options, .. } = mount;
    let words = format!("{kind} on {source} ({device}) at {} ({options})", mountpoint.display());
    reports::kit::inert::inert(&words)
}

/// The mount that a path lies on; `None` if the path is not there, or the kernel does not say.
pub(crate) fn beneath(path: &Path) -> Option<Entry> {
    let path = path.canonicalize().ok()?;
    nearest(table::all().ok()?, &path, mount_id(&path))
}

/// By the mount's number, or else the last of those whose mount point is the longest: a later mount covers an earlier one.
fn nearest(mounts: Vec<Entry>, path: &Path, id: Option<u64>) -> Option<Entry> {
    let above = |mount: &&Entry| path.starts_with(&mount.mountpoint);
    let by_id = mounts.iter().find(|mount| Some(mount.id) == id);
    let by_path = || mounts.iter().filter(above).max_by_key(|mount| mount.mountpoint.as_os_str().len());
    by_id.or_else(by_path).cloned()
}

/// The number of the mount that a path lies on; kernels before 5.8 do not say.
fn mount_id(path: &Path) -> Option<u64> {
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    // SAFETY: statx is plain data; the all-zero value is valid.
    let mut found: libc::statx = unsafe { std::mem::zeroed() };
    let (flags, mask) = (libc::AT_STATX_DONT_SYNC | libc::AT_NO_AUTOMOUNT, libc::STATX_MNT_ID);
    // SAFETY: the path ends with a zero byte, and both pointers outlive the call.
    let done = unsafe { libc::statx(libc::AT_FDCWD, path.as_ptr(), flags, mask, &raw mut found) };
    (done == 0 && found.stx_mask & mask != 0).then_some(found.stx_mnt_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = r"23 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
40 23 8:17 /sub /srv/mail\040test rw,noatime - xfs /dev/sd\134b1 rw
41 23 0:50 / /srv rw - tmpfs tmpfs rw,size=1k
42 23 8:33 / /srv rw master:2 propagate_from:3 - btrfs /dev/sdc1 rw";

    fn at(path: &str, id: Option<u64>) -> String {
        words(&nearest(table::parse(TABLE.as_bytes()), Path::new(path), id).expect("there is one"))
    }

    #[test]
    fn names_stand_as_they_are_on_the_machine() {
        insta::assert_snapshot!(at("/srv/mail test/user1", None), @r"xfs on /dev/sd\b1 (8:17) at /srv/mail test (rw,noatime)");
    }

    #[test]
    fn a_later_mount_covers_an_earlier_one_and_the_kernels_number_decides() {
        insta::assert_snapshot!(at("/srv/other", None), @"btrfs on /dev/sdc1 (8:33) at /srv (rw)");
        insta::assert_snapshot!(at("/srv/mail test/user1", Some(42)), @"btrfs on /dev/sdc1 (8:33) at /srv (rw)");
        insta::assert_snapshot!(at("/srvother", Some(999)), @"ext4 on /dev/sda1 (8:1) at / (rw,relatime)");
    }

    #[test]
    fn this_machines_own_table_is_understood() {
        let proc = beneath(Path::new("/proc/self")).expect("it is mounted");
        assert_eq!((proc.kind.as_str(), proc.mountpoint.as_path()), ("proc", Path::new("/proc")));
        assert_eq!(beneath(Path::new("/nowhere/at/all")), None);
    }
}
