//! The files that a judgement is made from, with their digests: whoever is shown a report can tell whether these are the
//! files that it was made from. Order and digests are a function of the files alone.

use record::directory::RunDirectory;
use reports::run::Recorded;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Every file that is there, by its path.
///
/// # Errors
/// One cannot be read; the error names it.
pub fn recorded(run: &Path) -> io::Result<Vec<Recorded>> {
    let directory = RunDirectory::existing(run);
    let traces = directory.traces()?.into_iter().map(|(_, path)| path);
    let own = directory.judged().into_iter().filter(|file| file.is_file()).chain(traces);
    let mut files: Vec<PathBuf> = own.map(|path| below(run, &path)).collect();
    cut_records(&directory, &mut files)?;
    specimens(&directory, &mut files)?;
    files.sort();
    digests(run, &files)
}

/// These files, by their paths in `top`, with their digests.
///
/// # Errors
/// One cannot be read; the error names it.
pub fn digests(top: &Path, files: &[PathBuf]) -> io::Result<Vec<Recorded>> {
    files.iter().map(|file| named(top, file)).collect()
}

fn below(run: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(run).unwrap_or(path).to_owned()
}

/// What each power cut took; a run without power cuts has none.
fn cut_records(directory: &RunDirectory, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let run = directory.path();
    let cuts = entries(run, &below(run, &directory.cuts()))?;
    let records = cuts.into_iter().map(|cut| cut.join("effects.jsonl"));
    files.extend(records.filter(|record| run.join(record).is_file()));
    Ok(())
}

/// What was sent and what came back of each damaged message; mostly there are none.
fn specimens(directory: &RunDirectory, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let run = directory.path();
    for message in entries(run, &below(run, &directory.damaged()))? {
        files.extend(entries(run, &message)?.into_iter().filter(|file| run.join(file).is_file()));
    }
    Ok(())
}

/// What is in a directory of the run, by its path; nothing, if it is not there or is none.
fn entries(run: &Path, directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(run.join(directory)) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    entries.map(|entry| Ok(directory.join(entry?.file_name()))).collect()
}

fn named(run: &Path, file: &Path) -> io::Result<Recorded> {
    let (bytes, blake3) = digest(&run.join(file))
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))?;
    Ok(Recorded { file: file.display().to_string(), bytes, blake3 })
}

fn digest(path: &Path) -> io::Result<(u64, String)> {
    let (mut file, mut hasher, mut bytes) = (File::open(path)?, blake3::Hasher::new(), 0);
    let mut buffer = vec![0; 1 << 17];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((bytes, hasher.finalize().to_hex().to_string())),
            n => {
                hasher.update(&buffer[..n]);
                bytes += n as u64;
            }
        }
    }
}

/// One digest of all of them: of the lines that `b3sum` prints.
#[must_use]
pub fn fingerprint(recorded: &[Recorded]) -> String {
    let lines: String = recorded.iter().map(|one| format!("{}  {}\n", one.blake3, one.file)).collect();
    blake3::hash(lines.as_bytes()).to_hex().to_string()
}

/// How the files of `run` differ from what was recorded of them, a line for each that does.
///
/// # Errors
/// One cannot be read.
pub fn differences(run: &Path, before: &[Recorded]) -> io::Result<Vec<String>> {
    Ok(changes(before, &recorded(run)?))
}

/// How files differ from what was recorded of them, a line for each that does.
#[must_use]
pub fn changes(before: &[Recorded], now: &[Recorded]) -> Vec<String> {
    let find = |all: &'_ [Recorded], file: &str| all.iter().position(|one| one.file == file);
    let changed = before.iter().filter_map(|old| match find(now, &old.file).map(|n| &now[n]) {
        None => Some(format!("{} is gone", old.file)),
        Some(new) if new.blake3 != old.blake3 => Some(format!(
            "{} is another file: {} bytes, {}; it was {} bytes, {}",
            old.file, new.bytes, new.blake3, old.bytes, old.blake3
        )),
        Some(_) => None,
    });
    let added = now.iter().filter(|new| find(before, &new.file).is_none());
    changed.chain(added.map(|new| format!("{} was not there", new.file))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> tempfile::TempDir {
        let run = tempfile::tempdir().expect("a directory");
        let put = |file: &str, text: &str| {
            let path = run.path().join(file);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            std::fs::write(path, text).expect("a file");
        };
        put("history.jsonl", "abc");
        put("trace-mail.jsonl", "");
        put("cuts/1-mail/effects.jsonl", "x");
        put("cuts/objects/ab/cd", "content, for replay only");
        put("damaged/1a2b3c4d-1-1/sent.eml", "y");
        put("report.html", "not read to judge");
        run
    }

    #[test]
    fn files_are_named_in_order_with_the_digests_that_b3sum_prints() {
        let run = run();
        let all = recorded(run.path()).expect("they can be read");
        let names: Vec<&str> = all.iter().map(|one| one.file.as_str()).collect();
        let wanted = [
            "cuts/1-mail/effects.jsonl",
            "damaged/1a2b3c4d-1-1/sent.eml",
            "history.jsonl",
            "trace-mail.jsonl",
        ];
        assert_eq!(names, wanted);
        assert_eq!(all[2].blake3, "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85");
        assert_eq!(all[2].bytes, 3);
        assert_eq!(fingerprint(&all), fingerprint(&recorded(run.path()).expect("again")));
    }

    #[test]
    fn what_changed_is_named() {
        let run = run();
        let before = recorded(run.path()).expect("they can be read");
        assert_eq!(differences(run.path(), &before).expect("they can be read"), Vec::<String>::new());
        std::fs::write(run.path().join("history.jsonl"), "abd").expect("written");
        std::fs::remove_file(run.path().join("trace-mail.jsonl")).expect("removed");
        std::fs::write(run.path().join("plan.json"), "{}").expect("written");
        let found = differences(run.path(), &before).expect("they can be read").join("\n");
        for wanted in [
            "history.jsonl is another file: 3 bytes, ",
            "trace-mail.jsonl is gone",
            "plan.json was not there",
        ] {
            assert!(found.contains(wanted), "{found}");
        }
    }
}
