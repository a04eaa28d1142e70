//! The defects that are wrong about fsync itself: files that skip, postpone, retry or misdirect it. All else is passed on.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;

use crate::defect::{Defect, Defects};
use crate::files::Files;

/// The files of a server: careless if one of these defects is armed.
pub(crate) fn wrap(files: Arc<dyn Files>, defects: &Defects) -> Arc<dyn Files> {
    let postpone =
        defects.every(Defect::AckBeforeFsync).map(|every| usize::try_from(every).unwrap_or(usize::MAX));
    let (retry, no_directories, misdirected) = (
        defects.has(Defect::TrustRetriedFsync),
        defects.has(Defect::NoDirectoryFsync),
        defects.has(Defect::SyncWrongDirectory),
    );
    if postpone.is_none() && !retry && !no_directories && !misdirected {
        return files;
    }
    Arc::new(Careless { files, postpone, retry, no_directories, misdirected, due: Mutex::default() })
}

/// An fsync that was answered and not yet made.
enum Due {
    File(File),
    Directory(PathBuf),
}

struct Careless {
    files: Arc<dyn Files>,
    postpone: Option<usize>,
    retry: bool,
    no_directories: bool,
    misdirected: bool,
    due: Mutex<Vec<Due>>,
}

impl Careless {
    /// Answers at once; when enough have come together, all are made in the background and their errors ignored.
    fn later(&self, at_a_time: usize, one: Due) {
        let mut due = self.due.lock();
        due.push(one);
        if due.len() >= at_a_time {
            let (files, batch) = (self.files.clone(), std::mem::take(&mut *due));
            std::thread::spawn(move || batch.iter().for_each(|one| drop(make(&*files, one))));
        }
    }

    fn tried(&self, sync: impl Fn() -> io::Result<()>) -> io::Result<()> {
        let first = sync();
        if self.retry && first.is_err() { sync() } else { first }
    }
}

fn make(files: &dyn Files, due: &Due) -> io::Result<()> {
    match due {
        Due::File(file) => files.sync(file),
        Due::Directory(path) => files.sync_dir(path),
    }
}

macro_rules! passed_on {
    ($($name:ident($($arg:ident: $kind:ty),*) -> $result:ty;)*) => {
        $(fn $name(&self, $($arg: $kind),*) -> io::Result<$result> {
            self.files.$name($($arg),*)
        })*
    };
}

impl Files for Careless {
    passed_on! {
        create(path: &Path) -> File;
        append(path: &Path) -> File;
        open(path: &Path) -> File;
        write(file: &File, bytes: &[u8]) -> usize;
        read(file: &File, bytes: &mut [u8]) -> usize;
        close(file: File) -> ();
        set_modified(file: &File, time: SystemTime) -> ();
        stat(path: &Path) -> (SystemTime, u64);
        rename(from: &Path, to: &Path) -> ();
        link(from: &Path, to: &Path) -> ();
        unlink(path: &Path) -> ();
        mkdir(path: &Path) -> ();
        rmdir(path: &Path) -> ();
        list(path: &Path) -> Vec<String>;
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        match self.postpone {
            Some(at_a_time) => file.try_clone().map(|file| self.later(at_a_time, Due::File(file))),
            None => self.tried(|| self.files.sync(file)),
        }
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        match self.postpone {
            _ if self.no_directories => Ok(()),
            Some(at_a_time) => {
                self.later(at_a_time, Due::Directory(path.to_path_buf()));
                Ok(())
            }
            None if self.misdirected => self.files.sync_dir(&origin(path)),
            None => self.tried(|| self.files.sync_dir(path)),
        }
    }
}

/// Where the files of a Maildir's `new` and `cur` were written.
fn origin(path: &Path) -> PathBuf {
    let is_final = path.file_name().is_some_and(|name| name == "new" || name == "cur");
    if is_final { path.with_file_name("tmp") } else { path.to_path_buf() }
}
