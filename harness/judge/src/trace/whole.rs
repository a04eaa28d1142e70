//! Whether a trace is whole: the one that the run closed, with every line, and with the firings that the history counted.
//!
//! What is asked only of a run that ended by itself: one that was killed has no closing record, and its history says so.
//! A trace that is not whole proves nothing by what it does not show.

use fuse_fs::mount::trace::Closed;
use fuse_fs::mount::trace::{FsEvent, Line};
use record::history::trace_label;
use record::ledger::Ledger;
use record::ledger::entry::RuleCount;
use record::plan::Plan;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader, Result};
use std::path::Path;

/// A call that a rule was about to strike when its firings were counted may have been struck a moment later: one for each
/// thread of a mount, at most.
const STRUCK_LATER: u64 = 64;

/// What was found in a trace.
#[derive(Debug, Default)]
pub(super) struct TraceRead {
    /// Lines before the closing record.
    lines: u64,
    /// Lines that make no sense.
    pub(super) damaged: u64,
    /// Digest of the lines before the closing record.
    blake3: String,
    closed: Option<Closed>,
    /// Lines after the closing record.
    beyond: u64,
    firings: HashMap<String, Ordinals>,
}

/// Reads a trace, and shows each call.
pub(super) fn read(path: &Path, mut each: impl FnMut(FsEvent)) -> Result<TraceRead> {
    let mut input = BufReader::with_capacity(1 << 16, File::open(path)?);
    let (mut text, mut digest, mut found) = (Vec::new(), blake3::Hasher::new(), TraceRead::default());
    loop {
        text.clear();
        if input.read_until(b'\n', &mut text)? == 0 {
            found.blake3 = digest.finalize().to_hex().to_string();
            return Ok(found);
        }
        if found.closed.is_some() {
            found.beyond += 1;
            continue;
        }
        match Line::parse(&text) {
            Ok(Line::Closing(closed)) => {
                found.closed = Some(closed);
                continue;
            }
            Ok(Line::Event(event)) => {
                found.note(&event);
                each(event);
            }
            Err(_) => found.damaged += 1,
        }
        found.lines += 1;
        digest.update(&text);
    }
}

impl TraceRead {
    fn note(&mut self, event: &FsEvent) {
        for (rule, nth) in &event.fired {
            match self.firings.get_mut(rule) {
                Some(seen) => seen.add(*nth),
                None => self.firings.entry(rule.clone()).or_default().add(*nth),
            }
        }
    }
}

/// Which numbers were seen, of those from 1 on: a parked call stands in a trace twice, under one number.
#[derive(Debug, Default)]
struct Ordinals {
    words: Vec<u64>,
    greatest: u64,
}

impl Ordinals {
    /// No rule fires more often: a number beyond is not one that was counted.
    const MOST: u64 = 1 << 26;

    fn add(&mut self, n: u64) {
        self.greatest = self.greatest.max(n);
        let (word, bit) = ((n / 64) as usize, n % 64);
        if n < Ordinals::MOST {
            if self.words.len() <= word {
                self.words.resize(word + 1, 0);
            }
            self.words[word] |= 1 << bit;
        }
    }

    fn count(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }
}

/// Why the traces of a run prove nothing, by storage; `found` is by the storages' names in the names of their files.
pub(super) fn doubts(
    plan: &Plan,
    ledger: &Ledger,
    found: &BTreeMap<String, TraceRead>,
) -> BTreeMap<String, String> {
    if !ledger.ended {
        return BTreeMap::new();
    }
    let of_plan = plan.storages.keys().filter_map(|storage| {
        let found = found.get(&file_name(storage));
        let judged = found.map_or_else(|| Some("is not there".to_owned()), |one| one.doubt(storage, ledger));
        Some((storage.clone(), format!("trace-{}.jsonl {}", file_name(storage), judged?)))
    });
    let known = |name: &String| plan.storages.keys().any(|storage| file_name(storage) == *name);
    let strange = found
        .keys()
        .filter(|name| !known(name))
        .map(|name| (name.clone(), format!("trace-{name}.jsonl is of no storage of the plan")));
    of_plan.chain(strange).collect()
}

impl TraceRead {
    /// What is wrong with the trace of a storage.
    fn doubt(&self, storage: &str, ledger: &Ledger) -> Option<String> {
        let Some(closed) = &self.closed else { return Some(self.unclosed()) };
        let in_history = ledger.closed.iter().find(|(name, _)| name == storage).map(|(_, closed)| closed);
        if closed.of != trace_label(&ledger.run, storage) {
            return Some("is the trace of another run or storage".to_owned());
        }
        if self.lines != closed.lines {
            return Some(format!("has {} lines, and {} when it was closed", self.lines, closed.lines));
        }
        if self.blake3 != closed.blake3 || self.beyond > 0 {
            return Some("was changed after it was closed".to_owned());
        }
        if in_history != Some(closed) {
            return Some("is not the one that the history saw closed".to_owned());
        }
        let lost_power = lost_power(ledger, storage);
        let mut rules = ledger.rules.iter().filter(|rule| rule.storage == storage);
        rules.find_map(|rule| self.misfit(rule, lost_power))
    }

    fn unclosed(&self) -> String {
        match self.lines {
            0 => "is empty".to_owned(),
            _ => "has no closing record: it was cut, or a version without them recorded it".to_owned(),
        }
    }

    /// What the power took while it waited was struck, and is not in the trace.
    fn misfit(&self, rule: &RuleCount, lost_power: bool) -> Option<String> {
        let (shown, greatest) =
            self.firings.get(&rule.rule).map_or((0, 0), |seen| (seen.count(), seen.greatest));
        let short = shown < rule.fired && !lost_power;
        let long = greatest > rule.fired + STRUCK_LATER;
        let words = || format!("shows {shown} firings of `{}`, and the history {}", rule.rule, rule.fired);
        (short || long).then(words)
    }
}

fn lost_power(ledger: &Ledger, storage: &str) -> bool {
    let cut = ledger.cuts.iter().any(|cut| cut.took(storage));
    cut || ledger.rollbacks.iter().any(|back| back.storage == storage)
}

/// A storage's name as it stands in the names of its files.
pub(super) fn file_name(storage: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    storage.chars().map(plain).collect()
}
