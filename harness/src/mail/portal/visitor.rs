//! Asks a portal for its files, open loop, and says of each whether it came whole and unchanged.

use super::page::{content, file_name};
use crate::mail::client::sanitise;
use anyhow::{Context, Result, bail};
use fuse_fs::clock::Nanos;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp};
use record::history::event::Event;
use record::history::recorder::Recorder;
use record::plan::VolumePlan;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

/// The serving process has printed its address within this long.
const START_LIMIT: Duration = Duration::from_secs(10);
/// Requests under way at once; beyond it one is left out.
const MOST_AT_ONCE: usize = 500;

/// One volume, as a visitor sees it.
#[derive(Clone, Debug)]
pub(crate) struct Visited {
    pub storage: String,
    pub volume: String,
    /// Files and rate.
    pub plan: VolumePlan,
    /// The run's seed.
    pub seed: u64,
    /// A file that has not come within this long has not come.
    pub limit: Duration,
}

/// Starts the process that serves the files below `root` (a mounted directory); its address. It dies with its handle.
///
/// # Errors
/// It did not say where it listens.
pub(crate) async fn start(root: &Path) -> Result<(Child, String)> {
    let mut command = Command::new("/proc/self/exe");
    command.arg("__portal").arg(root).env("FERMOPOSTA_SELF", "1").kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().context("cannot start the portal's process")?;
    let out = child.stdout.take().context("the portal's process has no output")?;
    let mut lines = BufReader::new(out).lines();
    let line = timeout(START_LIMIT, lines.next_line()).await;
    match line.context("the portal's process did not say its address in time")?? {
        Some(address) => Ok((child, address)),
        None => bail!("the portal's process ended before it listened"),
    }
}

/// Asks for files at the plan's rate until `stop` says true; then waits for those under way.
pub(crate) async fn visit(
    visited: Visited,
    address: String,
    history: Recorder,
    mut stop: watch::Receiver<bool>,
) {
    let mut draws = ChaCha8Rng::seed_from_u64(visited.seed);
    let gaps = Exp::new(visited.plan.rate).ok();
    let visited = Arc::new(visited);
    let mut under_way = JoinSet::new();
    let mut due = Instant::now();
    while let Some(gaps) = gaps {
        due += Duration::from_secs_f64(gaps.sample(&mut draws));
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            () = sleep_until(due) => {}
        }
        while under_way.try_join_next().is_some() {}
        let number = draws.random_range(0..visited.plan.files);
        if under_way.len() < MOST_AT_ONCE {
            let (visited, address, history) = (visited.clone(), address.clone(), history.clone());
            under_way.spawn(async move { ask(&visited, &address, number, &history).await });
        }
    }
    while under_way.join_next().await.is_some() {}
}

async fn ask(visited: &Visited, address: &str, number: u32, history: &Recorder) {
    let at = Nanos::now();
    let wanted = content(visited.seed, &visited.volume, number, visited.plan.size.0);
    let got = timeout(visited.limit, get(address, &file_name(number))).await;
    let wrong = match got {
        Err(_) => Some("no answer in time".to_owned()),
        Ok(Err(error)) => Some(sanitise(format!("{error:#}").as_bytes())),
        Ok(Ok(body)) if body == wanted => None,
        Ok(Ok(_)) => Some("the file is not what it was".to_owned()),
    };
    let (storage, volume) = (visited.storage.clone(), visited.volume.clone());
    let (end, ok) = (Nanos::now(), wrong.is_none());
    history.record(Event::Request { at, end, storage, volume, ok, detail: wrong });
}

/// The file's bytes.
async fn get(address: &str, name: &str) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("GET /{name} HTTP/1.0\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").context("the answer has no head")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let said = head.lines().next().unwrap_or_default();
    if !said.contains(" 200 ") {
        bail!("{said}");
    }
    Ok(answer.split_off(end + 4))
}

#[cfg(test)]
mod tests {
    use super::*;
    use fuse_fs::units::Bytes;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_file_that_changed_or_is_gone_is_told_from_one_that_is_whole() {
        let place = tempfile::tempdir().expect("a directory");
        let plan = VolumePlan { files: 3, size: Bytes(5_000), rate: 1.0 };
        crate::mail::portal::page::furnish(place.path(), 7, "images", &plan).expect("made");
        std::fs::write(place.path().join(file_name(1)), vec![0; 5_000]).expect("changed");
        std::fs::remove_file(place.path().join(file_name(2))).expect("removed");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound").to_string();
        let root = place.path().to_owned();
        let server = tokio::spawn(async move {
            for _ in 0..3 {
                let (stream, _) = listener.accept().await.expect("a client");
                let stream = stream.into_std().expect("a socket");
                stream.set_nonblocking(false).expect("blocking");
                let root = root.clone();
                tokio::task::spawn_blocking(move || crate::mail::portal::server::answer(stream, &root));
            }
        });
        let limit = Duration::from_secs(10);
        let visited = Visited { storage: "new".into(), volume: "images".into(), plan, seed: 7, limit };
        let path = place.path().join("history.jsonl");
        let history = Recorder::create(&path).expect("made");
        for number in 0..3 {
            ask(&visited, &address, number, &history).await;
        }
        server.await.expect("served");
        history.finish().expect("written");
        let text = std::fs::read_to_string(&path).expect("there");
        let said: Vec<(bool, Option<String>)> = record::synthetic::events(&text)
            .into_iter()
            .map(|event| match event {
                Event::Request { ok, detail, .. } => (ok, detail),
                other => panic!("{other:?}"),
            })
            .collect();
        let changed = Some("the file is not what it was".to_owned());
        let gone = Some("HTTP/1.0 404 Not Found".to_owned());
        assert_eq!(said, [(true, None), (false, changed), (false, gone)]);
    }
}
