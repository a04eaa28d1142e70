//! Contents of files by digest, each kept once, in a directory.
//!
//! A large file, such as the image of a device, is kept in pieces, and its zeros are not: from one cut to the next little of it
//! changes.

use super::{permit, sparse};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Files above this are kept in pieces.
const LARGE: u64 = 8 << 20;

/// Bytes of a piece; each begins at a multiple of it.
const PIECE: u64 = 1 << 20;

/// What the digest of a file in pieces begins with: that of the list of them.
const IN_PIECES: &str = "pieces-";

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

    /// Keeps the content of a file and returns its digest: the same for the same bytes, wherever the file has holes.
    pub(crate) fn keep(&self, file: &Path) -> io::Result<String> {
        let opened = permit::file(file)?;
        let size = opened.metadata()?.len();
        if size > LARGE {
            return self.keep_in_pieces(&opened, size);
        }
        let digest = sparse::digest(&opened)?.to_hex().to_string();
        self.add(&digest, |fresh| sparse::copy(&opened, &File::create(fresh)?))?;
        Ok(digest)
    }

    fn keep_in_pieces(&self, file: &File, size: u64) -> io::Result<String> {
        let (mut list, mut bytes) = (format!("{size}\n"), Vec::new());
        let mut at = 0;
        while at < size {
            let data = sparse::next_data(file, at, size).start;
            if data >= size {
                break;
            }
            let piece = data - data % PIECE;
            at = piece + PIECE;
            bytes.resize(usize::try_from(PIECE.min(size - piece)).map_err(io::Error::other)?, 0);
            file.read_exact_at(&mut bytes, piece)?;
            if bytes.iter().any(|byte| *byte != 0) {
                let digest = blake3::hash(&bytes).to_hex().to_string();
                self.add(&digest, |fresh| std::fs::write(fresh, &bytes))?;
                list.push_str(&format!("{piece} {digest}\n"));
            }
        }
        let digest = format!("{IN_PIECES}{}", blake3::hash(list.as_bytes()).to_hex());
        self.add(&digest, |fresh| std::fs::write(fresh, &list))?;
        Ok(digest)
    }

    /// Half an object is none.
    fn add(&self, digest: &str, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
        let place = self.place(digest);
        if place.exists() {
            return Ok(());
        }
        if let Some(folder) = place.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let fresh = place.with_extension("new");
        write(&fresh)?;
        std::fs::rename(&fresh, &place)
    }

    /// Writes an object's content over a file.
    pub(crate) fn fetch(&self, digest: &str, to: &Path) -> io::Result<()> {
        let file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).open(to)?;
        if digest.starts_with(IN_PIECES) {
            return self.fetch_pieces(&std::fs::read_to_string(self.place(digest))?, &file);
        }
        sparse::copy(&File::open(self.place(digest))?, &file)
    }

    fn fetch_pieces(&self, list: &str, file: &File) -> io::Result<()> {
        let damaged = || io::Error::other("a list of pieces is damaged");
        let mut lines = list.lines();
        let size = lines.next().and_then(|line| line.parse().ok()).ok_or_else(damaged)?;
        file.set_len(size)?;
        for line in lines {
            let (at, digest) = line.split_once(' ').ok_or_else(damaged)?;
            let at = at.parse().map_err(|_| damaged())?;
            file.write_all_at(&std::fs::read(self.place(digest))?, at)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_file_is_kept_in_pieces_and_what_is_zero_takes_no_room() {
        let folder = tempfile::tempdir().expect("a directory");
        let objects = Objects::at(&folder.path().join("objects")).expect("made");
        let (image, again) = (folder.path().join("image"), folder.path().join("again"));
        let file = File::create_new(&image).expect("made");
        file.set_len(1 << 40).expect("a sparse file");
        let marks = [(0, "first"), ((5 << 20) - 2, "across"), ((1 << 40) - 4, "last")];
        marks.iter().for_each(|(at, mark)| file.write_all_at(mark.as_bytes(), *at).expect("written"));
        let digest = objects.keep(&image).expect("kept");
        objects.fetch(&digest, &again).expect("there");
        let rebuilt = File::open(&again).expect("there");
        assert_eq!(rebuilt.metadata().expect("there").len(), 1 << 40);
        for (at, mark) in marks {
            let mut found = vec![0; mark.len()];
            rebuilt.read_exact_at(&mut found, at).expect("read");
            assert_eq!(found, mark.as_bytes(), "at {at}");
        }
        file.write_all_at(&[0; 8192], 100 << 20).expect("written");
        assert_eq!(objects.keep(&image).expect("kept"), digest, "zeros are zeros, in a hole or not");
        file.write_all_at(b"x", 100 << 20).expect("written");
        assert_ne!(objects.keep(&image).expect("kept"), digest);
    }
}
