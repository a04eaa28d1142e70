//! What a server logged last, wherever below its directory it logs.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Directories below its own in which logs are looked for.
const DEPTH: u32 = 2;
/// Files that are shown.
const FILES: usize = 2;
/// Bytes of each.
const BYTES: usize = 2_000;
/// Lines of each.
const LINES: usize = 8;

/// The ends of the logs that were written last, inert.
pub(super) fn last_words(work: &Path) -> String {
    let mut logs = Vec::new();
    collect(work, DEPTH, &mut logs);
    logs.sort_by_key(|(written, _)| std::cmp::Reverse(*written));
    let ends: Vec<String> = logs.iter().filter_map(|(_, path)| end(path)).take(FILES).collect();
    match ends.is_empty() {
        true => format!("nothing was logged in {}", work.display()),
        false => ends.join("\n"),
    }
}

fn collect(directory: &Path, depth: u32, logs: &mut Vec<(SystemTime, PathBuf)>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let (path, Ok(kind)) = (entry.path(), entry.file_type()) else { continue };
        if kind.is_dir() && depth > 0 {
            collect(&path, depth - 1, logs);
        }
        if kind.is_file() && path.extension().is_some_and(|extension| extension == "log") {
            let written = entry.metadata().and_then(|found| found.modified());
            logs.push((written.unwrap_or(SystemTime::UNIX_EPOCH), path));
        }
    }
}

fn end(path: &Path) -> Option<String> {
    let bytes = std::fs::read(path).ok()?;
    let text = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(BYTES)..]).into_owned();
    let lines: Vec<String> = text.lines().map(reports::kit::inert::inert).collect();
    let shown = &lines[lines.len().saturating_sub(LINES)..];
    (!shown.is_empty()).then(|| format!("the end of {}:\n{}", path.display(), shown.join("\n")))
}

/// Name of the file with its output.
pub(crate) const LOG: &str = "output.log";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_logged_last_is_shown_wherever_it_is() {
        let place = tempfile::tempdir().expect("a directory");
        assert!(last_words(place.path()).starts_with("nothing was logged in "));
        std::fs::create_dir(place.path().join("log")).expect("made");
        let lines: String = (0..20).map(|n| format!("line {n}\n")).collect();
        std::fs::write(place.path().join("log/imap.log"), lines).expect("written");
        std::fs::write(place.path().join("output.log"), "").expect("written");
        let said = last_words(place.path());
        assert!(said.contains("log/imap.log:\nline 12\n") && said.ends_with("line 19"), "{said}");
    }
}
