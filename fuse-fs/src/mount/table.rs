//! What is mounted where, as the kernel lists it (proc(5)), and whose mount lies at a place. Nothing is asked of any mount: it may
//! be frozen, or dead.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// Type of the file system of every mount of this program's.
pub const KIND: &str = "fuse.fermoposta";

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub id: u64,
    /// That of the mount on which it lies.
    parent: u64,
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

/// Every mount that this process can reach.
///
/// # Errors
/// The kernel does not say.
pub fn all() -> io::Result<Vec<Entry>> {
    Ok(parse(&std::fs::read("/proc/self/mountinfo")?))
}

/// What covers everything else at `mountpoint`, which has no links in it; `None` if nothing is mounted there.
///
/// # Errors
/// The kernel does not say.
pub fn uppermost(mountpoint: &Path) -> io::Result<Option<Entry>> {
    Ok(at(all()?, mountpoint).into_iter().find_map(|(entry, covered)| (!covered).then_some(entry)))
}

/// Tells whether anything was mounted or unmounted, so that nobody reads the whole list again and again.
#[derive(Debug)]
pub struct Watch(File);

impl Watch {
    /// From now on.
    ///
    /// # Errors
    /// The kernel does not say.
    pub fn new() -> io::Result<Watch> {
        File::open("/proc/self/mountinfo").map(Watch)
    }

    /// Whether the list may be another one than when this was last asked (proc(5), `/proc/mounts`).
    pub fn changed(&self) -> bool {
        let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::POLLPRI)];
        poll(&mut fds, PollTimeout::ZERO).map_or(true, |changed| changed > 0)
    }
}

/// Where the mount of one process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lies {
    OnTop,
    /// Something else was mounted over it.
    Covered,
    /// It is not there any more.
    Nowhere,
}

/// Where the mount that `process` made at `mountpoint` is now.
pub(crate) fn lies(process: u32, mountpoint: &Path) -> io::Result<Lies> {
    Ok(whose(process, all()?, mountpoint))
}

fn whose(process: u32, mounts: Vec<Entry>, mountpoint: &Path) -> Lies {
    let own = at(mounts, mountpoint)
        .into_iter()
        .filter(|(entry, _)| Owner::of(entry).is_some_and(|owner| owner.process == process));
    match own.map(|(_, covered)| covered).min() {
        Some(false) => Lies::OnTop,
        Some(true) => Lies::Covered,
        None => Lies::Nowhere,
    }
}

/// What a mount of this program's says that it is of: so it is told apart from whatever else is mounted at the same place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Who mounted it.
    pub process: u32,
    /// Whether it keeps account of what is durable.
    pub keeps_account: bool,
    /// What is shown, without links.
    pub backing: PathBuf,
}

impl Owner {
    /// `None` if it is another program's.
    pub fn of(entry: &Entry) -> Option<Owner> {
        let told = entry.source.strip_prefix("fermoposta-").filter(|_| entry.kind == KIND)?;
        let (process, backing) = told.split_once(':')?;
        let keeps_account = process.ends_with('+');
        let backing = PathBuf::from(OsString::from_vec(unescaped(backing)));
        Some(Owner { process: process.trim_end_matches('+').parse().ok()?, keeps_account, backing })
    }

    /// As the source of a mount. What would end an option of `fusermount3` is written as `%` and two digits.
    pub(crate) fn source(&self) -> String {
        let mut text = format!("fermoposta-{}{}:", self.process, if self.keeps_account { "+" } else { "" });
        for byte in self.backing.as_os_str().as_encoded_bytes() {
            match byte {
                b',' | b'\\' | b'%' | 0x80.. => text.push_str(&format!("%{byte:02x}")),
                plain => text.push(char::from(*plain)),
            }
        }
        text
    }
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let byte = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.extend(byte);
        bytes.extend(part.get(2..).unwrap_or_default().as_bytes());
    }
    bytes
}

/// The mounts at `mountpoint`, and whether another one lies over each.
fn at(mut mounts: Vec<Entry>, mountpoint: &Path) -> Vec<(Entry, bool)> {
    mounts.retain(|entry| entry.mountpoint == mountpoint);
    let covered: Vec<u64> = mounts.iter().map(|entry| entry.parent).collect();
    let marked = |entry: Entry| {
        let is_covered = covered.contains(&entry.id);
        (entry, is_covered)
    };
    mounts.into_iter().map(marked).collect()
}

/// The text of a table.
pub fn parse(table: &[u8]) -> Vec<Entry> {
    table.split(|byte| *byte == b'\n').filter_map(line).collect()
}

/// Numbers, root, mount point, options, optional fields, a dash, type, source.
fn line(line: &[u8]) -> Option<Entry> {
    let mut fields = line.split(|byte| *byte == b' ');
    let mut number = || std::str::from_utf8(fields.next()?).ok()?.parse().ok();
    let (id, parent) = (number()?, number()?);
    let device = text(fields.next()?);
    let mountpoint = PathBuf::from(OsString::from_vec(plain(fields.nth(1)?)));
    let options = text(fields.next()?);
    let mut after = fields.skip_while(|field| *field != b"-").skip(1);
    let (kind, source) = (text(after.next()?), text(after.next()?));
    Some(Entry { id, parent, mountpoint, kind, source, device, options })
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
40 23 0:60 / /srv/m\040n rw - tmpfs disk rw
41 40 0:61 / /srv/m\040n rw - fuse.fermoposta fermoposta-7:/srv/b rw
42 23 0:62 / /srv/o rw - fuse.fermoposta fermoposta-7+:/srv/c rw
43 42 0:63 / /srv/o rw - tmpfs disk rw";

    #[test]
    fn a_mount_is_told_apart_from_what_it_lies_on_and_from_what_lies_on_it() {
        let lies = |process, place| whose(process, parse(TABLE.as_bytes()), Path::new(place));
        assert_eq!(lies(7, "/srv/m n"), Lies::OnTop);
        assert_eq!(lies(7, "/srv/o"), Lies::Covered);
        assert_eq!([lies(8, "/srv/m n"), lies(7, "/srv")], [Lies::Nowhere; 2]);
    }

    #[test]
    fn a_mount_says_of_what_it_is() {
        let backing = PathBuf::from(OsString::from_vec(b"/srv/a,b%2c\\\xff c".to_vec()));
        for keeps_account in [false, true] {
            let owner = Owner { process: 7, keeps_account, backing: backing.clone() };
            let entry = &parse(TABLE.as_bytes())[2];
            let entry = Entry { source: owner.source(), ..entry.clone() };
            assert_eq!(Owner::of(&entry), Some(owner));
            assert_eq!(Owner::of(&Entry { kind: "ext4".to_owned(), ..entry }), None);
        }
    }

    #[test]
    fn what_only_looks_like_an_escape_stays() {
        assert_eq!(plain(br"a\04b\999\0401"), br"a\04b\999 1");
    }
}
