//! The directory where the writer stores: it bears the mark of its series, so that neither other people's files nor a file system that
//! is not mounted are taken for it.

use super::store::synced;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

const MARK: &str = "fermoposta-series";
const UNFINISHED: &str = "fermoposta-series.tmp";

/// Why it cannot be used.
#[derive(Debug, thiserror::Error)]
pub(in crate::device) enum NotOurs {
    #[error("{0}: {1}")]
    Io(String, io::Error),
    #[error(
        "{place} is of the series {is}, not of {asked}; name another directory, or make a new file system on the device"
    )]
    OtherSeries { place: String, is: String, asked: String },
    #[error("{0} is not empty; name an empty directory on the device under test")]
    NotEmpty(String),
    #[error(
        "{0} has no mark of the series: either the file system is not mounted there, or the device lost the mark"
    )]
    NoMark(String),
}

/// Makes sure that `directory` is that of the series `id`; a fresh series begins in an empty one.
pub(in crate::device) fn take(directory: &Path, id: &str, fresh: bool) -> Result<(), NotOurs> {
    let place = directory.display().to_string();
    let io = |error| NotOurs::Io(place.clone(), error);
    match std::fs::read_to_string(directory.join(MARK)) {
        Ok(mark) if mark.trim() == id => return Ok(()),
        Ok(mark) => {
            let is = reports::kit::inert::cut(mark.trim(), 40);
            return Err(NotOurs::OtherSeries { place, is, asked: id.to_owned() });
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(error)),
        Err(_) if !fresh => return Err(NotOurs::NoMark(place)),
        Err(_) => {}
    }
    if !is_empty(directory).map_err(io)? {
        return Err(NotOurs::NotEmpty(place));
    }
    mark(directory, id).map_err(io)
}

/// But for what file systems put there themselves.
fn is_empty(directory: &Path) -> io::Result<bool> {
    for entry in std::fs::read_dir(directory)? {
        if !["lost+found", UNFINISHED]
            .iter()
            .any(|name| entry.as_ref().is_ok_and(|entry| entry.file_name() == *name))
        {
            return Ok(false);
        }
    }
    Ok(true)
}

fn mark(directory: &Path, id: &str) -> io::Result<()> {
    let unfinished = directory.join(UNFINISHED);
    let mut file = File::create(&unfinished)?;
    writeln!(file, "{id}")?;
    file.sync_all()?;
    std::fs::rename(unfinished, directory.join(MARK))?;
    synced(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_directory_of_the_series_is_taken() {
        let place = tempfile::tempdir().unwrap();
        let at = place.path();
        let told = |taken: Result<(), NotOurs>| {
            taken.map_or_else(
                |error| error.to_string().replace(&at.display().to_string(), "DIR"),
                |()| "taken".into(),
            )
        };
        let mut all = vec![told(take(at, "one", false))];
        std::fs::create_dir(at.join("lost+found")).unwrap();
        all.push(told(take(at, "one", true)));
        std::fs::write(at.join("file"), "").unwrap();
        all.push(told(take(at, "one", false)));
        all.push(told(take(at, "two", true)));
        std::fs::remove_file(at.join(MARK)).unwrap();
        all.push(told(take(at, "two", true)));
        insta::assert_snapshot!(all.join("\n"), @r"
        DIR has no mark of the series: either the file system is not mounted there, or the device lost the mark
        taken
        taken
        DIR is of the series one, not of two; name another directory, or make a new file system on the device
        DIR is not empty; name an empty directory on the device under test
        ");
    }
}
