//! A directory tree as data: one entry a name, content by digest, the content itself in a directory of objects.

use super::effect::{Ino, Time};
use super::places::{Numbers, walk};
use super::sparse;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ManifestEntry {
    /// Path below the top; bytes that are no UTF-8 as `\xNN` after a leading NUL.
    pub(crate) path: String,
    pub(crate) ino: Ino,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) mtime: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) size: Option<u64>,
    /// Digest of a file's content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<String>,
    /// Where a symbolic link points, as `path`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) device: Option<u64>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) xattrs: BTreeMap<String, Vec<u8>>,
}

impl ManifestEntry {
    pub(crate) fn is_directory(&self) -> bool {
        self.mode & libc::S_IFMT == libc::S_IFDIR
    }

    pub(crate) fn is_file(&self) -> bool {
        self.mode & libc::S_IFMT == libc::S_IFREG
    }

    pub(crate) fn below(&self, top: &Path) -> PathBuf {
        if self.path.is_empty() { top.to_owned() } else { top.join(decoded(&self.path)) }
    }
}

/// A name as text that can be read back.
pub(crate) fn encoded(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.starts_with('\0') => text.to_owned(),
        _ => format!("\0{}", bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect::<String>()),
    }
}

pub(crate) fn decoded(text: &str) -> std::ffi::OsString {
    let Some(hex) = text.strip_prefix('\0') else { return text.into() };
    let bytes = hex.split("\\x").filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect();
    std::ffi::OsString::from_vec(bytes)
}

/// Content by digest, each kept once.
#[derive(Debug)]
pub(crate) struct Objects(PathBuf);

impl Objects {
    pub(crate) fn at(path: &Path) -> io::Result<Objects> {
        std::fs::create_dir_all(path)?;
        Ok(Objects(path.to_owned()))
    }

    fn place(&self, digest: &str) -> PathBuf {
        self.0.join(&digest[..2]).join(&digest[2..])
    }

    /// Keeps the content of a file and returns its digest.
    fn keep(&self, file: &Path) -> io::Result<String> {
        let content = super::permit::file(file)?;
        let digest = sparse::digest(&content)?.to_hex().to_string();
        let place = self.place(&digest);
        if !place.exists() {
            if let Some(folder) = place.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let fresh = place.with_extension("new");
            sparse::copy(&content, &File::create(&fresh)?)?;
            std::fs::rename(&fresh, &place)?;
        }
        Ok(digest)
    }

    /// Writes an object's content over a file.
    pub(crate) fn fetch(&self, digest: &str, to: &Path) -> io::Result<()> {
        let file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).open(to)?;
        sparse::copy(&File::open(self.place(digest))?, &file)
    }
}

/// A tree, ordered by path; the top itself has an empty one. With `objects` contents are kept there.
pub(crate) fn read(
    top: &Path,
    numbers: &Numbers,
    objects: Option<&Objects>,
) -> io::Result<Vec<ManifestEntry>> {
    let mut entries = vec![entry(top, top, crate::inode::ROOT, None)?];
    let mut known: HashMap<Ino, String> = HashMap::new();
    walk(top, numbers, &mut |ino, path, _| {
        let mut entry = entry(top, path, ino, known.get(&ino))?;
        if let (true, None, Some(objects)) = (entry.is_file(), &entry.digest, objects) {
            entry.digest = Some(objects.keep(path)?);
        }
        known.extend(entry.digest.clone().map(|digest| (ino, digest)));
        entries.push(entry);
        Ok(())
    })?;
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(entries)
}

fn entry(top: &Path, path: &Path, ino: Ino, digest: Option<&String>) -> io::Result<ManifestEntry> {
    let metadata = std::fs::symlink_metadata(path)?;
    let kind = metadata.file_type();
    let below = path.strip_prefix(top).unwrap_or(path);
    let target = kind.is_symlink().then(|| std::fs::read_link(path)).transpose()?;
    let special = kind.is_block_device() || kind.is_char_device();
    Ok(ManifestEntry {
        path: encoded(below.as_os_str().as_bytes()),
        ino,
        mode: metadata.mode(),
        uid: metadata.uid(),
        gid: metadata.gid(),
        mtime: Time { seconds: metadata.mtime(), nanoseconds: metadata.mtime_nsec() },
        size: kind.is_file().then_some(metadata.len()),
        digest: digest.cloned(),
        target: target.map(|target| encoded(target.as_os_str().as_bytes())),
        device: special.then(|| metadata.rdev()),
        xattrs: if kind.is_file() || kind.is_dir() { xattrs(path)? } else { BTreeMap::new() },
    })
}

/// Extended attributes that a user may set.
fn xattrs(path: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let c_path = std::ffi::CString::new(path.as_os_str().as_bytes())?;
    let mut names = vec![0u8; 65_536];
    // SAFETY: the path is NUL-terminated, `names` has the length given; both live across the call.
    let n = unsafe { libc::listxattr(c_path.as_ptr(), names.as_mut_ptr().cast(), names.len()) };
    let Ok(n) = usize::try_from(n) else { return no_xattrs() };
    let mut all = BTreeMap::new();
    for name in names[..n].split(|byte| *byte == 0).filter(|name| name.starts_with(b"user.")) {
        let c_name = std::ffi::CString::new(name)?;
        let mut value = vec![0u8; 65_536];
        // SAFETY: both strings are NUL-terminated, `value` has the length given; all live across the call.
        let n = unsafe {
            libc::getxattr(c_path.as_ptr(), c_name.as_ptr(), value.as_mut_ptr().cast(), value.len())
        };
        value.truncate(usize::try_from(n).map_err(|_| io::Error::last_os_error())?);
        all.insert(encoded(name), value);
    }
    Ok(all)
}

/// A file system without extended attributes has none.
fn no_xattrs() -> io::Result<BTreeMap<String, Vec<u8>>> {
    match io::Error::last_os_error() {
        error if error.raw_os_error() == Some(libc::ENOTSUP) => Ok(BTreeMap::new()),
        error => Err(error),
    }
}

/// Writes one JSON value a line.
pub(crate) fn write_lines<T: Serialize>(path: &Path, lines: impl IntoIterator<Item = T>) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 18, File::create(path)?);
    for line in lines {
        serde_json::to_writer(&mut out, &line)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// Reads one JSON value a line.
pub(crate) fn read_lines<T: serde::de::DeserializeOwned>(path: &Path) -> io::Result<Vec<T>> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let file = File::open(path).map_err(named)?;
    BufReader::with_capacity(1 << 18, file)
        .lines()
        .map(|line| serde_json::from_str(&line?).map_err(io::Error::from))
        .collect::<io::Result<Vec<T>>>()
        .map_err(named)
}

/// Makes the tree in the new directory `top`; returns the numbers of its inodes to those of the entries.
pub(crate) fn build(
    entries: &[ManifestEntry],
    objects: &Objects,
    top: &Path,
) -> io::Result<HashMap<Ino, Ino>> {
    let mut made: HashMap<Ino, PathBuf> = HashMap::new();
    for entry in entries {
        let path = entry.below(top);
        match made.get(&entry.ino) {
            Some(other) if !entry.is_directory() => std::fs::hard_link(other, &path)?,
            _ => make(entry, objects, &path)?,
        }
        made.entry(entry.ino).or_insert(path);
    }
    let mut numbers = HashMap::new();
    for (ino, path) in &made {
        numbers.insert(std::fs::symlink_metadata(path)?.ino(), *ino);
    }
    // Deepest first: making an entry changes its directory's time.
    entries.iter().rev().try_for_each(|entry| dress(entry, &entry.below(top)))?;
    Ok(numbers)
}

/// Makes one inode, without its attributes.
pub(crate) fn make(entry: &ManifestEntry, objects: &Objects, path: &Path) -> io::Result<()> {
    match entry.mode & libc::S_IFMT {
        libc::S_IFDIR if path.is_dir() => Ok(()),
        libc::S_IFDIR => std::fs::create_dir(path),
        libc::S_IFLNK => {
            std::os::unix::fs::symlink(decoded(entry.target.as_deref().unwrap_or_default()), path)
        }
        libc::S_IFREG => objects.fetch(entry.digest.as_deref().unwrap_or_default(), path),
        kind => {
            let kind = nix::sys::stat::SFlag::from_bits_truncate(kind);
            let mode = nix::sys::stat::Mode::from_bits_truncate(entry.mode & 0o7777);
            Ok(nix::sys::stat::mknod(path, kind, mode, entry.device.unwrap_or(0))?)
        }
    }
}

/// Gives an inode its attributes.
pub(crate) fn dress(entry: &ManifestEntry, path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let now = std::fs::symlink_metadata(path)?;
    if (now.uid(), now.gid()) != (entry.uid, entry.gid) {
        std::os::unix::fs::lchown(path, Some(entry.uid), Some(entry.gid))?;
    }
    for (name, value) in &entry.xattrs {
        super::apply::set_xattr(path, decoded(name).as_bytes(), Some(value))?;
    }
    if entry.mode & libc::S_IFMT != libc::S_IFLNK {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(entry.mode & 0o7777))?;
    }
    super::apply::set_mtime(path, entry.mtime)
}

/// Gives an inode that is there its content again.
pub(crate) fn make_again(entry: &ManifestEntry, objects: &Objects, path: &Path) -> io::Result<()> {
    if entry.is_file() { objects.fetch(entry.digest.as_deref().unwrap_or_default(), path) } else { Ok(()) }
}
