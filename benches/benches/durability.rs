//! What the durability model costs. Three questions, each asked by name, all of them without one:
//!
//! - `cost`: the same mount with and without the model, in alternating rounds of one run: deliveries (create, write,
//!   fsync, rename, fsync of the directory) and 4 KiB overwrites at random places, in a file a thread and in one file. The backing lies in memory.
//!   What a second by the clock does is judged. Shown beside it is what a second of processor time does, of this process with
//!   clients, file system and kernel: it is the same beside a busy neighbour, so it tells a slow model from a busy machine.
//! - `cut`: how long a cut of 100,000 pending effects takes to be decided and applied.
//! - `memory`: 5 GiB of overwritten and never synced data: the largest resident size of this process.
//!
//! Fails below 0.9 (deliveries) or 0.7 (overwrites), above 2 s, above 512 MiB. Needs the right to mount.

use fuse_fs::durability::cut::{CutMode, CutOrder};
use fuse_fs::durability::profile::{Persistence, Profile};
use fuse_fs::durability::{Options, Volatile};
use fuse_fs::mount::{Mount, MountOptions};
use fuse_fs::rules::decide::NoFaults;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, io};

const ROUND: Duration = Duration::from_millis(500);
const ROUNDS: usize = 24;
const THREADS: usize = 2;
const PENDING: u64 = 100_000;
const UNSYNCED: u64 = 5 << 30;

/// Works on a mount for a round.
type Workload = fn(&Path, usize) -> io::Result<Rate>;

/// Operations a second.
#[derive(Clone, Copy)]
struct Rate {
    /// Of processor time.
    processor: f64,
    /// By the clock.
    clock: f64,
}

/// Prints its answer; whether that is good enough.
type Question = fn() -> io::Result<bool>;

/// A mount with or without the model, below a folder of its own.
struct Bench {
    mount: Option<Mount>,
    model: Option<Arc<Volatile>>,
    folder: PathBuf,
}

impl Bench {
    fn new(base: &Path, name: &str, profile: Option<Profile>) -> io::Result<Bench> {
        let folder = base.join(format!("fermoposta-bench-{}-{name}", std::process::id()));
        for part in ["backing", "mount"] {
            fs::create_dir_all(folder.join(part))?;
        }
        let backing = folder.join("backing");
        let options = |profile| Options {
            persistence: Persistence { profile, ..Persistence::default() },
            limbo: folder.join("limbo"),
            spill: folder.join("spill"),
            memory: 64 << 20,
            loses_acknowledged: Duration::ZERO,
        };
        let model = profile.map(|profile| Volatile::new(&backing, options(profile))).transpose()?;
        let mount = MountOptions { durability: model.clone(), ..MountOptions::default() };
        let mount = Mount::new(&backing, &folder.join("mount"), mount, Arc::new(NoFaults), None)
            .map_err(io::Error::other)?;
        Ok(Bench { mount: Some(mount), model, folder })
    }

    fn at(&self) -> PathBuf {
        self.folder.join("mount")
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        drop(self.mount.take());
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("{} stays: {error}", self.folder.display());
        }
    }
}

/// Processor time of this process so far, that of the kernel for it included.
fn processor_time() -> io::Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let micros = |time: TimeVal| Duration::from_micros(time.num_microseconds().unsigned_abs());
    Ok(micros(usage.user_time()) + micros(usage.system_time()))
}

/// Runs `work` in each thread until the round is over.
fn rate(work: impl Fn(usize, u64) -> io::Result<()> + Sync) -> io::Result<Rate> {
    let before = processor_time()?;
    let until = Instant::now() + ROUND;
    let one = |thread: usize| -> io::Result<u64> {
        let mut count = 0;
        while Instant::now() < until {
            work(thread, count)?;
            count += 1;
        }
        Ok(count)
    };
    let total = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || one(thread))).collect();
        threads.into_iter().map(|t| t.join().expect("a worker panicked")).sum::<io::Result<u64>>()
    })?;
    let processor = processor_time()?.saturating_sub(before);
    let total = total as f64;
    Ok(Rate { processor: total / processor.as_secs_f64(), clock: total / ROUND.as_secs_f64() })
}

fn deliveries(place: &Path, round: usize) -> io::Result<Rate> {
    let folder = |thread: usize, part: &str| place.join(format!("mail-{round}-{thread}/{part}"));
    for thread in 0..THREADS {
        fs::create_dir_all(folder(thread, "tmp"))?;
        fs::create_dir_all(folder(thread, "new"))?;
    }
    rate(|thread, n| {
        let (tmp, new) = (folder(thread, "tmp").join(n.to_string()), folder(thread, "new"));
        let mut file = File::create_new(&tmp)?;
        file.write_all(&[b'x'; 4096])?;
        file.sync_all()?;
        fs::rename(&tmp, new.join(n.to_string()))?;
        File::open(&new)?.sync_all()
    })
}

/// Each thread in a file of its own.
fn overwrites(place: &Path, _: usize) -> io::Result<Rate> {
    overwrite((0..THREADS).map(|thread| place.join(format!("overwritten-{thread}"))).collect())
}

/// All threads in one file, where a write waits for the one before it.
fn overwrites_of_one(place: &Path, _: usize) -> io::Result<Rate> {
    overwrite(vec![place.join("overwritten"); THREADS])
}

fn overwrite(paths: Vec<PathBuf>) -> io::Result<Rate> {
    const PAGES: u64 = 16 << 10;
    for path in &paths {
        if !path.exists() {
            let mut file = File::create(path)?;
            for _ in 0..PAGES / 256 {
                file.write_all(&[b'o'; 1 << 20])?;
            }
            file.sync_all()?;
        }
    }
    let files: Vec<File> =
        paths.iter().map(|path| OpenOptions::new().write(true).open(path)).collect::<io::Result<_>>()?;
    rate(|thread, n| {
        // A multiplicative walk: every page once in 16,384 writes, in no order.
        let page = n.wrapping_mul(2_654_435_761).wrapping_add(thread as u64 * 7919) % PAGES;
        files[thread].write_all_at(&[b'n'; 4096], page * 4096)
    })
}

fn cost() -> io::Result<bool> {
    let base = Path::new("/dev/shm");
    let plain = Bench::new(base, "plain", None)?;
    let modelled = Bench::new(base, "modelled", Some(Profile::Ext4Ordered))?;
    let head = ["operations/s, median", "without", "with", "ratio", "wanted", "processor", "with", "ratio"];
    line(&head.map(str::to_owned));
    let mut good = true;
    let cases: [(&str, Workload, f64); 3] = [
        ("delivery", deliveries, 0.9),
        ("4 KiB random overwrite", overwrites, 0.7),
        ("the same, one file", overwrites_of_one, 0.7),
    ];
    for (name, run, wanted) in cases {
        let mut pairs = Vec::new();
        for round in 0..ROUNDS {
            pairs.push(match round % 2 {
                0 => (run(&plain.at(), round)?, run(&modelled.at(), round)?),
                _ => {
                    let with = run(&modelled.at(), round)?;
                    (run(&plain.at(), round)?, with)
                }
            });
        }
        let (without, with, ratio) = compare(&pairs, |rate| rate.clock);
        let (processor, processor_with, processor_ratio) = compare(&pairs, |rate| rate.processor);
        let whole = |value: f64| format!("{value:.0}");
        let part = |value: f64| format!("{value:.2}");
        line(&[
            name.to_owned(),
            whole(without),
            whole(with),
            part(ratio),
            part(wanted),
            whole(processor),
            whole(processor_with),
            part(processor_ratio),
        ]);
        good &= ratio >= wanted;
    }
    Ok(good)
}

fn line(cells: &[String; 8]) {
    let [name, numbers @ ..] = cells;
    let numbers: String = numbers.iter().map(|number| format!("{number:>10}")).collect();
    println!("{name:<24}{numbers}");
}

/// Medians without and with the model, and of the ratio in each pair of rounds.
fn compare(pairs: &[(Rate, Rate)], of: impl Fn(&Rate) -> f64) -> (f64, f64, f64) {
    let without = pairs.iter().map(|pair| of(&pair.0)).collect();
    let with = pairs.iter().map(|pair| of(&pair.1)).collect();
    let ratios = pairs.iter().map(|pair| of(&pair.1) / of(&pair.0)).collect();
    (median(without), median(with), median(ratios))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A fifth of the effects each: create, write, rename, chmod, unlink of what was there.
fn cut() -> io::Result<bool> {
    let mut good = true;
    println!(
        "{:<16}{:>10}{:>10}{:>10}{:>10}{:>10}",
        "profile", "pending", "kept", "dropped", "in part", "seconds"
    );
    for profile in
        [Profile::Ext4Ordered, Profile::Xfs, Profile::Btrfs, Profile::Ordered, Profile::StrictPosix]
    {
        let mut bench = Bench::new(&std::env::temp_dir(), "cut", Some(profile))?;
        let place = bench.at();
        let many = PENDING / 5;
        for folder in ["old", "tmp", "new"] {
            fs::create_dir(place.join(folder))?;
        }
        for n in 0..many {
            File::create(place.join(format!("old/{n}")))?;
        }
        let model = bench.model.clone().expect("made with a model");
        model.make_durable();
        deliver(&place, many)?;
        model.power_off();
        bench.mount.take().expect("mounted above").abort()?;
        let begun = Instant::now();
        let report = model.cut(&CutOrder { mode: CutMode::Random, seed: 7, record: None })?;
        let took = begun.elapsed().as_secs_f64();
        println!(
            "{:<16}{:>10}{:>10}{:>10}{:>10}{took:>10.2}",
            profile.to_string(),
            report.pending,
            report.kept,
            report.dropped,
            report.partial
        );
        good &= took < 2.0;
    }
    Ok(good)
}

/// Makes `many` files, a share in each thread: on some storages the first effects would be durable by their age before
/// one thread had made the last.
fn deliver(place: &Path, many: u64) -> io::Result<()> {
    const AT_ONCE: u64 = 4;
    let one = |n: u64| {
        let tmp = place.join(format!("tmp/{n}"));
        let mut file = File::create(&tmp)?;
        file.write_all(&[b'x'; 600])?;
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        drop(file);
        fs::rename(&tmp, place.join(format!("new/{n}")))?;
        fs::remove_file(place.join(format!("old/{n}")))
    };
    let one = &one;
    std::thread::scope(|scope| {
        let share = |first| scope.spawn(move || (first..many).step_by(AT_ONCE as usize).try_for_each(one));
        let threads: Vec<_> = (0..AT_ONCE).map(share).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("a thread of the bench panicked"))
    })
}

fn memory() -> io::Result<bool> {
    const MIB: u64 = 1 << 20;
    let bench = Bench::new(&std::env::temp_dir(), "memory", Some(Profile::Ext4Ordered))?;
    let path = bench.folder.join("backing/large");
    let mut old = File::create(&path)?;
    for _ in 0..UNSYNCED / MIB {
        old.write_all(&[b'o'; MIB as usize])?;
    }
    let before = resident()?;
    let file = OpenOptions::new().write(true).open(bench.at().join("large"))?;
    let begun = Instant::now();
    for n in 0..UNSYNCED / MIB {
        file.write_all_at(&[b'n'; MIB as usize], n * MIB)?;
    }
    let (took, largest) = (begun.elapsed().as_secs_f64(), resident()?);
    let model = bench.model.clone().expect("made with a model");
    println!(
        "{} MiB overwritten, not synced, in {took:.1} s: {} effects pending, {} MiB put aside in memory; largest \
         resident size {} MiB ({} before)",
        UNSYNCED / MIB,
        model.pending(),
        model.held_in_memory() / MIB,
        largest / MIB,
        before / MIB
    );
    Ok(largest < 512 * MIB)
}

/// The largest resident size of this process so far, in bytes.
fn resident() -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.map(|kib| kib << 10).ok_or_else(|| io::Error::other("no VmHWM in /proc/self/status"))
}

fn main() -> io::Result<()> {
    let asked: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let cases: [(&str, Question); 3] = [("cost", cost), ("cut", cut), ("memory", memory)];
    let mut good = true;
    for (name, run) in cases {
        if asked.is_empty() || asked.iter().any(|word| word == name) {
            let fine = run()?;
            if !fine {
                eprintln!("durability: `{name}` misses its mark");
            }
            good &= fine;
        }
    }
    std::process::exit(i32::from(!good));
}
