//! What was put aside before it was overwritten: bytes by number, in memory up to a limit, the rest in a file on a
//! disk that is not under test.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Number of something put aside.
pub(crate) type BlobId = u64;

#[derive(Debug)]
enum Blob {
    Memory(Box<[u8]>),
    Spilled { at: u64, len: u32 },
}

/// The store of one storage.
#[derive(Debug)]
pub(crate) struct Store {
    blobs: HashMap<BlobId, Blob>,
    next: BlobId,
    /// Bytes in memory, and how many are allowed.
    held: u64,
    limit: u64,
    spill: File,
    end: u64,
    /// Places of the spill file that are free again, by length.
    free: HashMap<u32, Vec<u64>>,
}

/// Where what was put aside stands, for a record of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Extent {
    pub(crate) blob: BlobId,
    pub(crate) at: u64,
    pub(crate) len: u32,
}

impl Store {
    /// A store that keeps up to `limit` bytes in memory; the spill file in `directory` has no name and goes with us.
    pub(crate) fn new(directory: &Path, limit: u64) -> io::Result<Store> {
        std::fs::create_dir_all(directory)?;
        let path = directory.join(format!("put-aside-{}-{:p}", std::process::id(), &limit));
        let spill = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        std::fs::remove_file(&path)?;
        Ok(Store { blobs: HashMap::new(), next: 1, held: 0, limit, spill, end: 0, free: HashMap::new() })
    }

    /// Puts bytes aside.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> io::Result<BlobId> {
        let id = self.next;
        let len = bytes.len() as u64;
        let blob = if self.held + len <= self.limit {
            self.held += len;
            Blob::Memory(bytes.into())
        } else {
            self.spill_out(bytes)?
        };
        self.next += 1;
        self.blobs.insert(id, blob);
        Ok(id)
    }

    fn spill_out(&mut self, bytes: &[u8]) -> io::Result<Blob> {
        let len = u32::try_from(bytes.len()).map_err(|_| io::Error::other("a piece above 4 GiB"))?;
        let reused = self.free.get_mut(&len).and_then(Vec::pop);
        let at = reused.unwrap_or(self.end);
        self.spill.write_all_at(bytes, at)?;
        self.end = self.end.max(at + u64::from(len));
        Ok(Blob::Spilled { at, len })
    }

    /// Bytes put aside.
    pub(crate) fn get(&self, id: BlobId) -> io::Result<Vec<u8>> {
        match self.blobs.get(&id) {
            Some(Blob::Memory(bytes)) => Ok(bytes.to_vec()),
            Some(Blob::Spilled { at, len }) => {
                let mut bytes = vec![0; *len as usize];
                self.spill.read_exact_at(&mut bytes, *at)?;
                Ok(bytes)
            }
            None => Err(io::Error::other(format!("piece {id} was not put aside"))),
        }
    }

    /// Forgets what is not needed any more.
    pub(crate) fn free(&mut self, ids: impl IntoIterator<Item = BlobId>) {
        for id in ids {
            match self.blobs.remove(&id) {
                Some(Blob::Memory(bytes)) => self.held -= bytes.len() as u64,
                Some(Blob::Spilled { at, len }) => self.free.entry(len).or_default().push(at),
                None => {}
            }
        }
    }

    /// Bytes in memory.
    pub(crate) fn held(&self) -> u64 {
        self.held
    }

    /// Writes everything into one file and says where each piece stands in it.
    pub(crate) fn save(&self, path: &Path) -> io::Result<Vec<Extent>> {
        let mut out = io::BufWriter::new(File::create(path)?);
        let mut ids: Vec<BlobId> = self.blobs.keys().copied().collect();
        ids.sort_unstable();
        let (mut extents, mut at) = (Vec::with_capacity(ids.len()), 0);
        for blob in ids {
            let bytes = self.get(blob)?;
            io::Write::write_all(&mut out, &bytes)?;
            extents.push(Extent { blob, at, len: bytes.len() as u32 });
            at += bytes.len() as u64;
        }
        io::Write::flush(&mut out)?;
        Ok(extents)
    }

    /// A store as it was saved; it reads from that file.
    pub(crate) fn saved(path: &Path, extents: &[Extent]) -> io::Result<Store> {
        let blobs = extents.iter().map(|e| (e.blob, Blob::Spilled { at: e.at, len: e.len })).collect();
        let next = extents.last().map_or(1, |e| e.blob + 1);
        let spill = File::open(path)?;
        Ok(Store { blobs, next, held: 0, limit: 0, spill, end: 0, free: HashMap::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn past_the_limit_pieces_go_to_the_file_and_its_places_are_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::new(folder.path(), 8).unwrap();
        let ids: Vec<_> = [b"memory", b"spill1", b"spill2"].iter().map(|b| store.put(*b).unwrap()).collect();
        assert_eq!((store.held(), store.end), (6, 12));
        store.free([ids[1]]);
        let again = store.put(b"spill3").unwrap();
        assert_eq!(store.end, 12);
        let read = |id| String::from_utf8(store.get(id).unwrap()).unwrap();
        assert_eq!([ids[0], ids[2], again].map(read), ["memory", "spill2", "spill3"]);
        assert!(store.get(ids[1]).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_saved_store_reads_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::new(folder.path(), 4).unwrap();
        let ids: Vec<_> = (0..3u8).map(|n| store.put(&[n; 4]).unwrap()).collect();
        let extents = store.save(&folder.path().join("saved")).unwrap();
        let saved = Store::saved(&folder.path().join("saved"), &extents).unwrap();
        assert!(ids.iter().all(|id| saved.get(*id).unwrap() == store.get(*id).unwrap()));
    }
}
