//! What a path lies on: mount, file system and device, as the kernel knows them.

use std::ffi::{CString, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mounted {
    id: u64,
    /// Where.
    pub mountpoint: PathBuf,
    /// Type of its file system: `ext4`.
    pub kind: String,
    /// Device or other source, as it was mounted.
    pub source: String,
    /// The device's numbers: `8:1`.
    pub device: String,
    /// Options of the mount.
    pub options: String,
}

impl Mounted {
    /// In words, inert: `ext4 on /dev/sda1 (8:1) at /srv/mail (rw,relatime)`.
    pub(crate) fn words(&self) -> String {
        let Mounted { mountpoint, kind, source, device, options, .. } = self;
        let words = format!("{kind} on {source} ({device}) at {} ({options})", mountpoint.display());
        reports::kit::inert::inert(&words)
    }
}

/// The mount that a path lies on; `None` if the path is not there, or the kernel does not say.
pub(crate) fn beneath(path: &Path) -> Option<Mounted> {
    let path = path.canonicalize().ok()?;
    let table = std::fs::read("/proc/self/mountinfo").ok()?;
    nearest(table.split(|byte| *byte == b'\n').filter_map(parse).collect(), &path, mount_id(&path))
}

/// By the mount's number, or else the last of those whose mount point is the longest: a later mount covers an earlier one.
fn nearest(mounts: Vec<Mounted>, path: &Path, id: Option<u64>) -> Option<Mounted> {
    let above = |mount: &&Mounted| path.starts_with(&mount.mountpoint);
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

/// A line of `/proc/self/mountinfo` (proc(5)): numbers, root, mount point, options, optional fields, a dash, type, source.
fn parse(line: &[u8]) -> Option<Mounted> {
    let mut fields = line.split(|byte| *byte == b' ');
    let id = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let device = text(fields.nth(1)?);
    let mountpoint = PathBuf::from(OsString::from_vec(plain(fields.nth(1)?)));
    let options = text(fields.next()?);
    let mut after = fields.skip_while(|field| *field != b"-").skip(1);
    let (kind, source) = (text(after.next()?), text(after.next()?));
    Some(Mounted { id, mountpoint, kind, source, device, options })
}

fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(&plain(field)).into_owned()
}

/// The kernel writes blank, tab, line break and backslash as a backslash and three octal digits.
fn plain(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, tail)) = rest.split_first() {
        let escaped = (*first == b'\\').then(|| octal(tail)).flatten();
        out.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &tail[3..] } else { tail };
    }
    out
}

fn octal(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits.get(..3)?).ok()?;
    u8::from_str_radix(digits, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = r"23 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
40 23 8:17 /sub /srv/mail\040test rw,noatime - xfs /dev/sd\134b1 rw
41 23 0:50 / /srv rw - tmpfs tmpfs rw,size=1k
42 23 8:33 / /srv rw master:2 propagate_from:3 - btrfs /dev/sdc1 rw";

    fn table() -> Vec<Mounted> {
        TABLE.lines().filter_map(|line| parse(line.as_bytes())).collect()
    }

    fn at(path: &str, id: Option<u64>) -> String {
        nearest(table(), Path::new(path), id).expect("there is one").words()
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

    #[test]
    fn what_only_looks_like_an_escape_stays() {
        assert_eq!(plain(br"a\04b\999\0401"), br"a\04b\999 1");
    }
}
