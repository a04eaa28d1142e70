//! The messages of one folder of a Maildir. Files are opened for reading only, and nothing is moved from `new` to `cur`.

use super::maildir_files::{base, keywords, uid_list};
use super::taking::{Stopped, Taking};
use jiff::Timestamp;
use record::inventory::folder::FolderName;
use record::inventory::line::{Facts, Message};
use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Largest message read.
const LARGEST: u64 = 1 << 30;
/// How compressed and encrypted files begin: gzip, bzip2, xz, zstd, and Dovecot's LZ4 and mail_crypt.
const ENCODED: [&[u8]; 6] =
    [b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"Dovecot-LZ4\r", b"CRYPTED\x03\x07"];

struct Listed {
    uid: Option<u32>,
    within: &'static str,
    name: Vec<u8>,
}

pub(super) fn read(name: &FolderName, path: &Path, taking: &mut Taking) -> Result<(), Stopped> {
    let known = uid_list(path).and_then(|uids| Ok((uids, keywords(path)?)));
    let known = known.and_then(|(uids, keywords)| Ok((list(path, &uids.uids)?, uids.validity, keywords)));
    let (files, validity, letters) = match known {
        Ok(known) => known,
        Err(error) => return taking.unread(Some(name), error.to_string()),
    };
    taking.folder(name, validity, files.len())?;
    for file in files {
        match message(path, &file, &letters) {
            Ok(message) => taking.message(message)?,
            Err(error) => {
                let file = String::from_utf8_lossy(&file.name).into_owned();
                taking.unread_message(name, file, error.to_string())?;
            }
        }
    }
    Ok(())
}

/// In the order of their UIDs; those without one at the end, by name.
fn list(path: &Path, uids: &HashMap<Vec<u8>, u32>) -> io::Result<Vec<Listed>> {
    let mut files = Vec::new();
    for within in ["cur", "new"] {
        for entry in std::fs::read_dir(path.join(within))? {
            let name = entry?.file_name().as_bytes().to_vec();
            if !name.starts_with(b".") {
                files.push(Listed { uid: uids.get(base(&name)).copied(), within, name });
            }
        }
    }
    files.sort_by(|a, b| (a.uid.unwrap_or(u32::MAX), &a.name).cmp(&(b.uid.unwrap_or(u32::MAX), &b.name)));
    // One that the server moved from `new` to `cur` meanwhile may have been seen in both.
    files.dedup_by(|a, b| base(&a.name) == base(&b.name));
    Ok(files)
}

fn message(folder: &Path, listed: &Listed, letters: &HashMap<u8, String>) -> io::Result<Message> {
    let direct = folder.join(listed.within).join(OsStr::from_bytes(&listed.name));
    let (mut file, path) = match open(&direct) {
        Ok(file) => (file, direct),
        Err(error) if error.kind() == io::ErrorKind::NotFound => again(folder, listed)?,
        Err(error) => return Err(error),
    };
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    if about.len() > LARGEST {
        return Err(io::Error::other(format!("it is larger than {LARGEST} bytes")));
    }
    let mut raw = Vec::with_capacity(about.len() as usize);
    (&mut file).take(LARGEST).read_to_end(&mut raw)?;
    if ENCODED.iter().any(|begin| raw.starts_with(begin)) {
        return Err(io::Error::other("it is compressed or encrypted; read it through the server"));
    }
    let name = path.file_name().unwrap_or_default().as_bytes();
    let (flags, keywords) = flags(name, letters);
    Ok(Message {
        uid: listed.uid,
        date: Timestamp::from_second(about.mtime()).ok(),
        flags: Some(flags),
        keywords,
        facts: Facts::of(&raw),
    })
}

/// Without a trace in the file's access time where that is allowed; a pipe that somebody put there does not hold us up.
fn open(path: &Path) -> io::Result<File> {
    let with = |flags| OpenOptions::new().read(true).custom_flags(flags).open(path);
    let plain = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    match with(plain | libc::O_NOATIME) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => with(plain),
        opened => opened,
    }
}

/// A server that runs renames files when flags change.
fn again(folder: &Path, listed: &Listed) -> io::Result<(File, PathBuf)> {
    for within in ["cur", "new"] {
        for entry in std::fs::read_dir(folder.join(within))? {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| base(name.as_bytes()) == base(&listed.name)) {
                return Ok((open(&path)?, path));
            }
        }
    }
    Err(io::Error::other("it went away while the folder was read"))
}

/// Flags, and keywords, which are not known if a letter has no name.
fn flags(name: &[u8], letters: &HashMap<u8, String>) -> (Vec<String>, Option<Vec<String>>) {
    let info = name.windows(3).position(|part| part == b":2,").map_or(&b""[..], |at| &name[at + 3..]);
    let info = info.split(|b| *b == b',').next().unwrap_or_default();
    let mut system: Vec<&str> = info
        .iter()
        .filter_map(|letter| match letter {
            b'D' => Some("\\Draft"),
            b'F' => Some("\\Flagged"),
            b'R' => Some("\\Answered"),
            b'S' => Some("\\Seen"),
            b'T' => Some("\\Deleted"),
            _ => None,
        })
        .collect();
    system.sort_unstable();
    system.dedup();
    let own = info.iter().filter(|letter| letter.is_ascii_lowercase());
    let named: Option<BTreeSet<String>> = own.map(|letter| letters.get(letter).cloned()).collect();
    (system.into_iter().map(str::to_owned).collect(), named.map(|named| named.into_iter().collect()))
}
