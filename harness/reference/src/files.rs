//! Every call the reference server makes to the file system under test.
//!
//! One thin trait, so that tests can fail the n-th call. The helpers below loop over short writes, short reads and
//! `EINTR`, as POSIX asks of a program; no call is ever retried after another error.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::IntoRawFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::SystemTime;

/// Largest piece asked of one `read`.
const CHUNK_BYTES: usize = 128 * 1024;

/// The file operations of the server, one method per system call.
pub(crate) trait Files: Send + Sync {
    /// Creates a file that must not exist yet, for writing.
    fn create(&self, path: &Path) -> io::Result<File>;
    /// Opens an existing file for appending.
    fn append(&self, path: &Path) -> io::Result<File>;
    /// Opens a file for reading.
    fn open(&self, path: &Path) -> io::Result<File>;
    /// One `write`, possibly short.
    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<usize>;
    /// One `read`, possibly short; 0 is the end.
    fn read(&self, file: &File, bytes: &mut [u8]) -> io::Result<usize>;
    /// `fsync` of a file.
    fn sync(&self, file: &File) -> io::Result<()>;
    /// `close`, whose error is the last chance to hear of a failed write.
    fn close(&self, file: File) -> io::Result<()>;
    /// Sets the modification time, which holds the internal date.
    fn set_modified(&self, file: &File, time: SystemTime) -> io::Result<()>;
    /// The modification time and size of a path.
    fn stat(&self, path: &Path) -> io::Result<(SystemTime, u64)>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn unlink(&self, path: &Path) -> io::Result<()>;
    fn mkdir(&self, path: &Path) -> io::Result<()>;
    fn rmdir(&self, path: &Path) -> io::Result<()>;
    /// The names in a directory, sorted; an error anywhere in the listing fails the whole.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;
    /// `fsync` of a directory.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
}

/// The real file system.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Disk;

impl Files for Disk {
    fn create(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
    }

    fn append(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().append(true).open(path)
    }

    fn open(&self, path: &Path) -> io::Result<File> {
        File::open(path)
    }

    fn write(&self, mut file: &File, bytes: &[u8]) -> io::Result<usize> {
        file.write(bytes)
    }

    fn read(&self, mut file: &File, bytes: &mut [u8]) -> io::Result<usize> {
        file.read(bytes)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn close(&self, file: File) -> io::Result<()> {
        nix::unistd::close(file.into_raw_fd()).map_err(io::Error::from)
    }

    fn set_modified(&self, file: &File, time: SystemTime) -> io::Result<()> {
        file.set_modified(time)
    }

    fn stat(&self, path: &Path) -> io::Result<(SystemTime, u64)> {
        let metadata = std::fs::metadata(path)?;
        Ok((metadata.modified()?, metadata.len()))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::hard_link(from, to)
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn mkdir(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(path)
    }

    fn rmdir(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(path)? {
            let name = entry?.file_name();
            let text = name.into_string().map_err(|name| {
                io::Error::new(io::ErrorKind::InvalidData, format!("file name {name:?} is not UTF-8"))
            })?;
            names.push(text);
        }
        names.sort_unstable();
        Ok(names)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

/// Writes all of `bytes`.
pub(crate) fn write_all(files: &dyn Files, file: &File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match files.write(file, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads a file to its end.
pub(crate) fn read_all(files: &dyn Files, path: &Path) -> io::Result<Vec<u8>> {
    let file = files.open(path)?;
    let (mut bytes, mut chunk) = (Vec::new(), vec![0; CHUNK_BYTES]);
    loop {
        match files.read(&file, &mut chunk) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    files.close(file)?;
    Ok(bytes)
}

/// Creates `path` with `bytes` and makes the content durable; the directory entry is the caller's duty.
pub(crate) fn write_new(files: &dyn Files, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = files.create(path)?;
    write_all(files, &file, bytes)?;
    files.sync(&file)?;
    files.close(file)
}

/// Puts `bytes` at `path` by a new file renamed over the old one, durable when it returns `Ok`.
pub(crate) fn replace(files: &dyn Files, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("new");
    remove_if_there(files, &fresh)?;
    write_new(files, &fresh, bytes)?;
    files.rename(&fresh, path)?;
    files.sync_dir(parent(path))
}

/// Unlinks a file; one that is not there is no error.
pub(crate) fn remove_if_there(files: &dyn Files, path: &Path) -> io::Result<()> {
    match files.unlink(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// The directory that holds `path`.
pub(crate) fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}
