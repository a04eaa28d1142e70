//! The record of a cut: the state before, the choice, the state after. [`replay`] makes the one from the other.
//!
//! In the record's directory: `before.jsonl` and `after.jsonl` (manifests), `limbo.jsonl` (what had no name),
//! `model.json` (what was pending), `put-aside.bin` with `put-aside.json` (old bytes), `effects.jsonl` and
//! `choice.json`. Contents lie in `objects` beside it, shared by the cuts of a run.

use super::apply;
use super::manifest;

use super::choice::Survival;
use super::cut::{CutOrder, CutReport};
use super::durability::{Core, Volatile};
use super::manifest::ManifestEntry;
use super::model::Model;
use super::objects::Objects;
use super::places::{Limbo, Numbers};
use super::store::{Extent, Store};
use std::fs::File;
use std::io::{self, BufReader, BufWriter};
use std::path::{Path, PathBuf};

fn objects(record: &Path) -> io::Result<Objects> {
    Objects::at(&record.parent().unwrap_or(record).join("objects"))
}

fn write_json(path: &Path, value: &impl serde::Serialize) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    serde_json::to_writer(&mut out, value)?;
    io::Write::flush(&mut out)
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> io::Result<T> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let file = File::open(path).map_err(named)?;
    serde_json::from_reader(BufReader::new(file)).map_err(|error| named(error.into()))
}

impl Volatile {
    pub(super) fn record_before(&self, core: &Core, record: &Path) -> io::Result<()> {
        std::fs::create_dir_all(record)?;
        let objects = objects(record)?;
        let before = manifest::read(&self.backing, &Numbers::of(&self.backing)?, Some(&objects))?;
        manifest::write_lines(&record.join("before.jsonl"), before)?;
        let mut limbo = manifest::read(self.limbo.path(), &Numbers::of(self.limbo.path())?, Some(&objects))?;
        limbo.retain(|entry| !entry.path.is_empty());
        manifest::write_lines(&record.join("limbo.jsonl"), limbo)?;
        write_json(&record.join("model.json"), &core.model)?;
        let extents = core.store.save(&record.join("put-aside.bin"))?;
        write_json(&record.join("put-aside.json"), &extents)
    }

    pub(super) fn record_after(
        &self,
        core: &Core,
        record: &Path,
        survival: &Survival,
        report: &CutReport,
    ) -> io::Result<()> {
        manifest::write_lines(&record.join("effects.jsonl"), core.model.lines(survival))?;
        write_json(&record.join("choice.json"), report)?;
        let after = manifest::read(&self.backing, &Numbers::of(&self.backing)?, Some(&objects(record)?))?;
        manifest::write_lines(&record.join("after.jsonl"), after)
    }
}

/// Rebuilds the tree after a recorded cut: from the state before it and the recorded seed, into the new directory `to`.
/// Returns the differences from the recorded state after it, a line each; none means the same, bit for bit.
pub fn replay(record: &Path, to: &Path) -> io::Result<Vec<String>> {
    let objects = objects(record)?;
    let report: CutReport = read_json(&record.join("choice.json"))?;
    let model: Model = read_json(&record.join("model.json"))?;
    let extents: Vec<Extent> = read_json(&record.join("put-aside.json"))?;
    let store = Store::saved(&record.join("put-aside.bin"), &extents)?;
    std::fs::create_dir(to).map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", to.display())))?;
    let before: Vec<ManifestEntry> = manifest::read_lines(&record.join("before.jsonl"))?;
    let mut numbers = manifest::build(&before, &objects, to)?;
    let limbo = Limbo::new(&beside(to), to)?;
    let waiting: Vec<ManifestEntry> = manifest::read_lines(&record.join("limbo.jsonl"))?;
    numbers.extend(manifest::build(&waiting, &objects, limbo.path())?);
    let order = CutOrder { mode: report.mode, seed: report.seed, record: None };
    let survival = model.decide(order.mode, order.seed);
    let numbers = Numbers::Rebuilt(numbers);
    let (limbo_ref, survival_ref) = (&limbo, &survival);
    apply::Apply {
        backing: to,
        limbo: limbo_ref,
        numbers: &numbers,
        model: &model,
        survival: survival_ref,
        store: &store,
    }
    .run()?;
    std::fs::remove_dir(limbo.path())?;
    let rebuilt = manifest::read(to, &numbers, Some(&objects))?;
    let after: Vec<ManifestEntry> = manifest::read_lines(&record.join("after.jsonl"))?;
    Ok(differences(&after, &rebuilt))
}

/// A directory beside the rebuilt tree for what has no name meanwhile.
fn beside(to: &Path) -> PathBuf {
    let name = to.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    to.with_file_name(format!(".{name}-limbo"))
}

fn differences(recorded: &[ManifestEntry], rebuilt: &[ManifestEntry]) -> Vec<String> {
    let by_path = |entries: &[ManifestEntry]| -> std::collections::BTreeMap<String, ManifestEntry> {
        entries.iter().map(|entry| (entry.path.clone(), entry.clone())).collect()
    };
    let (recorded, rebuilt) = (by_path(recorded), by_path(rebuilt));
    let mut lines: Vec<String> = Vec::new();
    for (path, entry) in &recorded {
        match rebuilt.get(path) {
            None => lines.push(format!("{path}: was there after the cut, is not rebuilt")),
            Some(other) if other != entry => lines.push(format!("{path}: {}", what_differs(entry, other))),
            Some(_) => {}
        }
    }
    let extra = rebuilt.keys().filter(|path| !recorded.contains_key(*path));
    lines.extend(extra.map(|path| format!("{path}: was not there after the cut, is rebuilt")));
    lines
}

fn what_differs(recorded: &ManifestEntry, rebuilt: &ManifestEntry) -> String {
    let fields = [
        ("inode", recorded.ino != rebuilt.ino),
        ("mode", recorded.mode != rebuilt.mode),
        ("owner", (recorded.uid, recorded.gid) != (rebuilt.uid, rebuilt.gid)),
        ("modification time", recorded.mtime != rebuilt.mtime),
        ("size", recorded.size != rebuilt.size),
        ("content", recorded.digest != rebuilt.digest),
        ("link target", recorded.target != rebuilt.target),
        ("extended attributes", recorded.xattrs != rebuilt.xattrs),
    ];
    let names: Vec<&str> = fields.iter().filter(|field| field.1).map(|field| field.0).collect();
    format!("{} differ", names.join(", "))
}
