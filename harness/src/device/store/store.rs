//! A way of storing: items one after the other, each on the disk when the call returns, as the disk says.

use super::append::Append;
use super::maildir::Maildir;
use super::queue::Queue;
use record::series::content::Content;
use record::series::damage::Damage;
use record::series::stream::Stream;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

pub(in crate::device) trait Store: Send {
    /// Makes what the store is made of, and deletes what lies below a number.
    fn begin(&mut self, retire_below: u64) -> io::Result<()>;

    /// Returns when the item is synced.
    fn store(&mut self, n: u64, item: &[u8]) -> io::Result<()>;
}

pub(in crate::device) fn store(stream: Stream, directory: &Path) -> Box<dyn Store> {
    let at = place(stream, directory);
    match stream {
        Stream::Maildir => Box::new(Maildir::new(at)),
        Stream::Append => Box::new(Append::new(at)),
        Stream::Queue => Box::new(Queue::new(at)),
    }
}

/// What is wrong with those of `items`, in their order, that are not whole. Nothing is changed.
pub(in crate::device) fn wrong(
    stream: Stream,
    directory: &Path,
    content: &Content,
    items: &[u64],
) -> Vec<(u64, Damage)> {
    let at = place(stream, directory);
    match stream {
        Stream::Maildir => super::maildir::wrong(&at, content, items),
        Stream::Append => super::append::wrong(&at, content, items),
        Stream::Queue => super::queue::wrong(&at, content, items),
    }
}

fn place(stream: Stream, directory: &Path) -> PathBuf {
    directory.join(<&str>::from(stream))
}

/// A directory that is there, durably.
pub(super) fn made(directory: &Path) -> io::Result<()> {
    match std::fs::create_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => made?,
    }
    synced(directory)?;
    synced(directory.parent().unwrap_or(directory))
}

/// The names in a directory are durable.
pub(super) fn synced(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Files in a directory whose names are `prefix` and a number, in the order of the numbers.
pub(super) fn numbered(directory: &Path, prefix: &str) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(prefix)?.parse::<u64>().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}
