//! Judges a synthetic history of one million messages and prints what it took. In its last quarter second the power goes
//! and takes 100,000 effects on the files of the last 25,000 messages; all of these are lost.
//!
//! The history is written by a child process, so that the peak of this one is the judgement's alone. Limits:
//! 10 s and 1 GiB, and 3 MB for the page; beyond one it fails. `cargo bench --bench checkers -- 100000` takes another size;
//! `-- --write DIR 1000000` leaves the run in an empty directory, for `fermoposta analyze DIR`.

use record::synthetic;

use fuse_fs::call::Op;
use fuse_fs::clock::Nanos;
use fuse_fs::durability::cut::{CutMode, CutReport, EffectLine, Fate, Missing};
use fuse_fs::durability::profile::Persistence;
use fuse_fs::mount::trace::{Closed, Closing, FsEvent};
use judge::judge;
use record::history::event::Event;
use record::history::trace_label;
use record::synthetic::{OK, World};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

const MESSAGES: u64 = 1_000_000;
const USERS: u64 = 1_000;
/// Messages whose files the power cut takes; four effects each.
const TAKEN: u64 = 25_000;
const SECONDS: f64 = 10.0;
const MIB: u64 = 1024;
/// Largest page, in bytes.
const PAGE: usize = 3_000_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if let [mode, directory, messages] = arguments.as_slice()
        && mode == "--write"
    {
        write(Path::new(directory), messages.parse().expect("a number of messages"));
        return ExitCode::SUCCESS;
    }
    let messages = arguments.first().map_or(MESSAGES, |n| n.parse().expect("a number of messages"));
    measure(messages)
}

fn measure(messages: u64) -> ExitCode {
    let directory = std::env::temp_dir().join(format!("fermoposta-checkers-{}", std::process::id()));
    fs::create_dir(&directory).expect("a directory for the history");
    let writer = std::env::current_exe().expect("this program's path");
    let arguments = ["--write", &directory.to_string_lossy(), &messages.to_string()].map(str::to_owned);
    let written = Command::new(writer).args(arguments).status().expect("the writer starts");
    assert!(written.success(), "the history was not written");
    let bytes = fs::metadata(directory.join("history.jsonl")).expect("the history is there").len();
    let begun = Instant::now();
    let report = judge(&directory);
    let (seconds, peak) = (begun.elapsed().as_secs_f64(), peak_mib());
    fs::remove_dir_all(&directory).expect("the directory is ours");
    let report = report.expect("the history can be judged");
    println!("{messages} messages, {} MB of history: {seconds:.2} s, {peak} MiB at peak", bytes / 1_000_000);
    println!("{:?}: {}", report.verdict, report.sentence);
    let begun = Instant::now();
    let page = reports::run::html::page::render_many(&[report]).len();
    println!("its page: {:.2} MB in {:.3} s", page as f64 / 1e6, begun.elapsed().as_secs_f64());
    ExitCode::from(u8::from(seconds > SECONDS || peak > MIB || page > PAGE))
}

fn write(directory: &Path, messages: u64) {
    let plan = serde_json::to_vec(&synthetic::plan()).expect("a plan is always JSON");
    fs::write(directory.join("plan.json"), plan).expect("the plan is written");
    let history = File::create(directory.join("history.jsonl")).expect("the history is created");
    let mut world = World::new(BufWriter::with_capacity(1 << 20, history), USERS as u32);
    for message in 0..messages {
        world.deliver((message % USERS) as u32, message, 1, OK);
    }
    let taken = messages.saturating_sub(TAKEN)..messages;
    cut(directory, &mut world, taken.clone());
    for model in world.boxes.values_mut() {
        model.copies.retain(|c| c.attempt.is_none_or(|a| !taken.contains(&a.message.0)));
    }
    world.recover(messages);
    world.finish().flush().expect("the history is written");
}

/// The power goes and takes everything of these messages.
fn cut(directory: &Path, world: &mut World<BufWriter<File>>, taken: std::ops::Range<u64>) {
    let record = "cuts/1-mail";
    fs::create_dir_all(directory.join(record)).expect("a directory for the record");
    let calls: Vec<FsEvent> = taken.flat_map(calls).collect();
    let closed = trace(&directory.join("trace-mail.jsonl"), &calls);
    let effects = calls.iter().map(effect).map(|effect| serde_json::to_string(&effect));
    lines(&directory.join(record).join("effects.jsonl"), effects);
    let (at, n) = (world.tick(), calls.len() as u64);
    let (persistence, mode) = (Persistence::default(), CutMode::DropUnsynced);
    let report = CutReport {
        at,
        persistence,
        mode,
        seed: 1,
        pending: n,
        kept: 0,
        dropped: n,
        partial: 0,
        last_call: n,
    };
    let (storage, record, back) = ("mail".to_owned(), record.to_owned(), world.tick());
    world.write(&Event::Cut {
        at,
        back,
        storage: storage.clone(),
        with: Vec::new(),
        profile: None,
        record,
        unflushed: None,
        report,
    });
    world.write(&Event::Trace { at: back, storage, closed });
}

/// A trace as a run closes it.
fn trace(path: &Path, calls: &[FsEvent]) -> Closed {
    lines(path, calls.iter().map(serde_json::to_string));
    let blake3 = blake3::hash(&fs::read(path).expect("it was written")).to_hex().to_string();
    let closed =
        Closed { of: trace_label(synthetic::RUN, "mail"), lines: calls.len() as u64, lost: 0, blake3 };
    let last = Closing { closing: closed.clone() };
    let calls = calls.iter().map(serde_json::to_string);
    lines(path, calls.chain([serde_json::to_string(&last)]));
    closed
}

fn lines(path: &Path, all: impl Iterator<Item = serde_json::Result<String>>) {
    let mut out = BufWriter::new(File::create(path).expect("the file is created"));
    for line in all {
        writeln!(out, "{}", line.expect("it is always JSON")).expect("the line is written");
    }
    out.flush().expect("the file is written");
}

/// Create, write, change of times and rename of one message's file.
fn calls(message: u64) -> [FsEvent; 4] {
    let user = message % USERS + 1;
    let (tmp, new) =
        (format!("user{user}/Maildir/tmp/{message}"), format!("user{user}/Maildir/new/{message}"));
    let mut n = 0;
    [Op::Create, Op::Write, Op::Utimens, Op::Rename].map(|op| {
        n += 1;
        FsEvent {
            at: Nanos(1_000_000_000),
            end: Some(Nanos(1_000_000_001)),
            seq: message * 4 + n,
            op,
            ino: 1000 + message,
            parent: None,
            path: tmp.clone(),
            new_path: (op == Op::Rename).then(|| new.clone()),
            offset: 0,
            len: 4096,
            done: None,
            errno: 0,
            pid: 1,
            command: None,
            fired: Vec::new(),
            mark: (op == Op::Write).then(|| format!("{}-{message}-1", synthetic::RUN)),
        }
    })
}

fn effect(call: &FsEvent) -> EffectLine {
    let parents = |path: &String| path.rsplit_once('/').map(|(directory, _)| directory.to_owned());
    let directories = [Some(&call.path), call.new_path.as_ref()].into_iter().flatten().filter_map(parents);
    EffectLine {
        id: call.seq,
        call: call.seq,
        at: call.at,
        kind: call.op.to_string(),
        ino: call.ino,
        path: call.path.clone(),
        new_path: call.new_path.clone(),
        offset: 0,
        len: 4096,
        fate: Fate::Dropped,
        missing: Missing::DirectorySync { directories: directories.collect() },
    }
}

/// Peak resident memory of this process, in MiB.
fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("/proc is mounted");
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).expect("the kernel says VmHWM");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("VmHWM is a number") / 1024
}
