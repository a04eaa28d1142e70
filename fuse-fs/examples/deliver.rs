//! `deliver DIRECTORY SECONDS THREADS`: small-file delivery as a Maildir server does it (create, write 4 KiB, fsync,
//! rename, fsync of the directory). Prints deliveries per second.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

fn deliver(directory: &Path, thread: usize, until: Instant) -> std::io::Result<u64> {
    let (tmp, new) = (directory.join(format!("{thread}/tmp")), directory.join(format!("{thread}/new")));
    fs::create_dir_all(&tmp)?;
    fs::create_dir_all(&new)?;
    let entries = File::open(&new)?;
    let mut count = 0;
    while Instant::now() < until {
        let name = format!("{count}.M{thread}");
        let mut file = File::create_new(tmp.join(&name))?;
        file.write_all(&[b'x'; 4096])?;
        file.sync_all()?;
        fs::rename(tmp.join(&name), new.join(&name))?;
        entries.sync_all()?;
        count += 1;
    }
    Ok(count)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, directory, seconds, threads] = arguments.as_slice() else {
        return Err("usage: deliver DIRECTORY SECONDS THREADS".into());
    };
    let (seconds, threads): (f64, usize) = (seconds.parse()?, threads.parse()?);
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    let total = std::thread::scope(|scope| {
        let workers: Vec<_> =
            (0..threads).map(|n| scope.spawn(move || deliver(Path::new(directory), n, until))).collect();
        workers
            .into_iter()
            .map(|w| w.join().expect("a delivery thread panicked"))
            .sum::<std::io::Result<u64>>()
    })?;
    println!("{:.0}", total as f64 / seconds);
    Ok(())
}
