//! Judges a synthetic history of one million messages and prints what it took.
//!
//! The history is written by a child process, so that the peak of this one is the judgement's alone. Limits:
//! 10 s and 1 GiB; beyond either it fails. `cargo bench --bench checkers -- 100000` takes another size.

use fermoposta::judge::judge;
use fermoposta::synthetic::{self, OK, World};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

const MESSAGES: u64 = 1_000_000;
const USERS: u64 = 1_000;
const SECONDS: f64 = 10.0;
const MIB: u64 = 1024;

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
    ExitCode::from(u8::from(seconds > SECONDS || peak > MIB))
}

fn write(directory: &Path, messages: u64) {
    let plan = serde_json::to_vec(&synthetic::plan()).expect("a plan is always JSON");
    fs::write(directory.join("plan.json"), plan).expect("the plan is written");
    let history = File::create(directory.join("history.jsonl")).expect("the history is created");
    let mut world = World::new(BufWriter::with_capacity(1 << 20, history), USERS as u32);
    for message in 0..messages {
        world.deliver((message % USERS) as u32, message, 1, OK);
    }
    world.recover(messages);
    world.finish().flush().expect("the history is written");
}

/// Peak resident memory of this process, in MiB.
fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("/proc is mounted");
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).expect("the kernel says VmHWM");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("VmHWM is a number") / 1024
}
