//! What was made for a run before it began. It goes again if the run cannot begin: on a full disk above all.

use std::path::{Path, PathBuf};

/// Goes with everything in it, unless it is kept.
#[derive(Debug, Default)]
pub(super) struct Made {
    /// New ones, with whatever was put into them.
    directories: Vec<PathBuf>,
    /// Directories above them that were not there before, the deepest first.
    above: Vec<PathBuf>,
}

impl Made {
    /// Nothing yet; a directory is about to be made in `base`, which may have to be made too.
    pub(super) fn below(base: &Path) -> Made {
        let missing = |above: &&Path| !above.as_os_str().is_empty() && above.symlink_metadata().is_err();
        let above = base.ancestors().take_while(missing).map(Path::to_owned).collect();
        Made { directories: Vec::new(), above }
    }

    /// New directories.
    pub(super) fn add<'a>(&mut self, made: impl IntoIterator<Item = &'a Path>) {
        self.directories.extend(made.into_iter().map(Path::to_owned));
    }

    /// The run begins.
    pub(super) fn keep(mut self) {
        self.directories.clear();
        self.above.clear();
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        let whole = self.directories.iter().map(|made| (made, std::fs::remove_dir_all(made)));
        let gone: Vec<_> = whole.collect();
        let empty = self.above.iter().map(|made| (made, std::fs::remove_dir(made)));
        for (made, error) in
            gone.into_iter().chain(empty).filter_map(|(made, gone)| Some((made, gone.err()?)))
        {
            tracing::debug!(made = %made.display(), %error, "left behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_of_what_does_not_begin_and_nothing_else_goes() {
        let place = tempfile::tempdir().expect("a directory");
        std::fs::create_dir_all(place.path().join("disk/other")).expect("made");
        let base = place.path().join("disk/new/runs");
        let mut made = Made::below(&base);
        for directory in [base.join("run/storage"), place.path().join("disk/own/mail")] {
            std::fs::create_dir_all(directory).expect("made");
        }
        made.add([base.join("run").as_path(), place.path().join("disk/own").as_path()]);
        drop(made);
        let left = std::fs::read_dir(place.path().join("disk")).expect("it is there");
        let left: Vec<_> = left.map(|entry| entry.expect("it can be read").file_name()).collect();
        assert_eq!(left, ["other"]);
    }

    #[test]
    fn what_begins_is_kept() {
        let place = tempfile::tempdir().expect("a directory");
        let run = place.path().join("runs/run");
        let mut made = Made::below(&place.path().join("runs"));
        std::fs::create_dir_all(&run).expect("made");
        made.add([run.as_path()]);
        made.keep();
        assert!(run.is_dir());
    }
}
