//! `passthrough BACKING MOUNTPOINT [profile=NAME] [rules=FILE] [trace=FILE]`: the mount without the harness, until SIGTERM or
//! SIGINT; with the durability model of a profile, the `[[fault]]` rules of a file, a trace.

use fuse_fs::clock::Nanos;
use fuse_fs::durability::profile::{Persistence, Profile};
use fuse_fs::durability::{Options, Volatile};
use fuse_fs::mount::recorder::TraceSink;
use fuse_fs::mount::trace::TraceOptions;
use fuse_fs::mount::{Mount, MountOptions};
use fuse_fs::rules::decide::{Decide, NoFaults};
use fuse_fs::rules::engine::Engine;
use fuse_fs::rules::rule::Rule;
use nix::sys::signal::{SigSet, Signal};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const USAGE: &str = "usage: passthrough BACKING MOUNTPOINT [profile=NAME] [rules=FILE] [trace=FILE]";

#[derive(serde::Deserialize)]
struct Rules {
    fault: Vec<Rule>,
}

fn model(backing: &Path, profile: Profile) -> std::io::Result<Arc<Volatile>> {
    let options = Options {
        persistence: Persistence { profile, ..Persistence::default() },
        limbo: backing.with_extension("limbo"),
        spill: std::env::temp_dir(),
        memory: 64 << 20,
        loses_acknowledged: Duration::ZERO,
    };
    Volatile::new(backing, options)
}

fn engine(file: &str) -> Result<Arc<dyn Decide>, Box<dyn Error>> {
    let rules: Rules = toml::from_str(&std::fs::read_to_string(file)?)?;
    let engine = Engine::new(rules.fault, 1, Some(Nanos::now()));
    Ok(Arc::new(engine.map_err(|problems| format!("{file}: {problems:?}"))?))
}

/// Where rules lie, what a trace goes to, how the storage loses what was not synced.
fn wanted<'a>(arguments: &'a [String], key: &str) -> Option<&'a str> {
    arguments.iter().find_map(|argument| argument.strip_prefix(key)?.strip_prefix('='))
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [backing, mountpoint, options @ ..] = arguments.as_slice() else { return Err(USAGE.into()) };
    // Blocked before any thread starts, so that only the wait below sees them.
    let mut stop = SigSet::empty();
    stop.add(Signal::SIGINT);
    stop.add(Signal::SIGTERM);
    stop.thread_block()?;
    let profile = wanted(options, "profile").map(str::parse).transpose()?;
    let durability = profile.map(|profile| model(Path::new(backing), profile)).transpose()?;
    let decide = wanted(options, "rules").map_or_else(|| Ok(Arc::new(NoFaults) as _), engine)?;
    let trace = wanted(options, "trace").map(|file| TraceSink::file(file.as_ref(), TraceOptions::default()));
    let trace = trace.transpose()?;
    let options = MountOptions { durability, ..MountOptions::default() };
    let mount = Mount::new(Path::new(backing), Path::new(mountpoint), options, decide, trace.clone())?;
    stop.wait()?;
    mount.unmount()?;
    trace.map(|trace| trace.finish()).transpose()?;
    Ok(())
}
