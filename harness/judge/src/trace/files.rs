use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

pub(crate) fn trace_files(run: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(run)? {
        let path = entry?.path();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with("trace-") && name.ends_with(".jsonl") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

pub(crate) fn storage_name(path: &Path) -> String {
    let name = path.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    name.trim_start_matches("trace-").to_owned()
}

/// Reads lines of JSON; returns how many made no sense.
pub(crate) fn stream<T: DeserializeOwned>(path: &Path, mut each: impl FnMut(T)) -> std::io::Result<u64> {
    let mut input = BufReader::with_capacity(1 << 16, File::open(path)?);
    let (mut text, mut damaged) = (Vec::new(), 0);
    loop {
        text.clear();
        if input.read_until(b'\n', &mut text)? == 0 {
            return Ok(damaged);
        }
        match serde_json::from_slice(&text) {
            Ok(line) => each(line),
            Err(_) => damaged += 1,
        }
    }
}
