//! The writer's side, on the machine under test: it stores what the ledger tells it to, reports each item once it is synced, and looks for what
//! should be there. It remembers nothing: after a power cut the ledger says what must be there. No clock of this machine is used for more
//! than how long something takes.

use super::host;
use super::message::{FromLedger, FromWriter};
use super::store::directory;
use super::store::store::wrong;
use super::token::Token;
use super::wire::{self, Receiver, Sender};
use super::worker::{Order, Workers};
use crate::exit::{Exit, tell};
use crate::machine::stop;
use anyhow::{Result, bail};
use parking_lot::Mutex;
use record::series::content::Content;
use reports::kit::inert::inert;
use std::net::{TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Between two tries, and between two signs of life.
const BEAT: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) directory: PathBuf,
    /// Host and port.
    pub(crate) ledger: String,
    pub(crate) token: Token,
    pub(crate) boot_id: PathBuf,
    pub(crate) device: Option<PathBuf>,
    /// A ledger is there again within this long.
    pub(crate) patience: Duration,
}

/// How a connection ended.
enum Ended {
    /// The series is over.
    Over,
    Lost(String),
    /// The directory cannot be used.
    NotReady(String),
}

/// Works until the series is over, or nobody conducts it any more.
pub(crate) fn run(options: &Options) -> Result<Exit> {
    let boot_id = host::boot_id(&options.boot_id)?;
    let workers = Workers::start(&options.directory)?;
    let mut last_seen = Instant::now();
    while !stop::requested() {
        let (ended, seen) = match connect(options) {
            Ok((sender, receiver)) => (session(options, &boot_id, &workers, sender, receiver)?, true),
            Err(error) => (Ended::Lost(error.to_string()), false),
        };
        if seen {
            last_seen = Instant::now();
        }
        match ended {
            Ended::Over => return Ok(Exit::Valid),
            Ended::NotReady(why) => bail!("{why}"),
            Ended::Lost(why) if last_seen.elapsed() >= options.patience => {
                bail!("no ledger at {} for {} s: {}", options.ledger, options.patience.as_secs(), inert(&why))
            }
            Ended::Lost(why) => {
                if seen {
                    tell!("the ledger at {} is gone ({}); trying again", options.ledger, inert(&why));
                }
                std::thread::park_timeout(BEAT);
            }
        }
    }
    Ok(Exit::Interrupted)
}

fn connect(options: &Options) -> Result<(Sender, Receiver)> {
    let Some(address) = options.ledger.to_socket_addrs()?.next() else { bail!("no address") };
    let stream = TcpStream::connect_timeout(&address, CONNECT_LIMIT)?;
    Ok(wire::connect(stream, &options.token, CONNECT_LIMIT)?)
}

fn session(
    options: &Options,
    boot_id: &str,
    workers: &Workers,
    mut sender: Sender,
    mut receiver: Receiver,
) -> Result<Ended> {
    let host = host::look(boot_id.to_owned(), &options.directory, options.device.as_deref());
    if let Err(error) = sender.send(&FromWriter::Hello(host)) {
        return Ok(Ended::Lost(error.to_string()));
    }
    let sender = Arc::new(Mutex::new(sender));
    let beats = beat(sender.clone(), workers.waiting())?;
    let ended = converse(options, workers, &sender, &mut receiver);
    sender.lock().close();
    beats.thread().unpark();
    Ok(ended)
}

/// Signs of life until the connection is closed, also while the disk hangs.
fn beat(
    sender: Arc<Mutex<Sender>>,
    waiting: impl Fn() -> Duration + Send + 'static,
) -> Result<std::thread::JoinHandle<()>> {
    let beats = move || loop {
        let waiting_ms = u64::try_from(waiting().as_millis()).unwrap_or(u64::MAX);
        if sender.lock().send(&FromWriter::Alive { waiting_ms }).is_err() {
            return;
        }
        std::thread::park_timeout(BEAT);
    };
    Ok(std::thread::Builder::new().name("beat".into()).spawn(beats)?)
}

fn converse(
    options: &Options,
    workers: &Workers,
    sender: &Arc<Mutex<Sender>>,
    receiver: &mut Receiver,
) -> Ended {
    let mut content = None;
    while !stop::requested() {
        let message = match receiver.next::<FromLedger>(BEAT) {
            Ok(Some(message)) => message,
            Ok(None) => continue,
            Err(error) => return Ended::Lost(error.to_string()),
        };
        let answer = match message {
            FromLedger::Over => return Ended::Over,
            FromLedger::Series { id, seed, fresh } => match directory::take(&options.directory, &id, fresh) {
                Ok(()) => {
                    content = Some(Content::new(seed, &id));
                    Some(FromWriter::Ready)
                }
                Err(error) => {
                    let why = error.to_string();
                    let _ = sender.lock().send(&FromWriter::NotReady { why: why.clone() });
                    return Ended::NotReady(why);
                }
            },
            FromLedger::Check { stream, items } => content.as_ref().map(|content| FromWriter::Found {
                stream,
                wrong: wrong(stream, &options.directory, content, &items),
            }),
            FromLedger::Begin { stream, retire_below, n } => {
                let Some(content) = content else { return Ended::Lost("it named no series".to_owned()) };
                workers.order(stream, Order::Begin { content, retire_below, n, report: sender.clone() });
                None
            }
            FromLedger::Next { stream, n } => {
                workers.order(stream, Order::Next { n });
                None
            }
        };
        if let Some(Err(error)) = answer.map(|answer| sender.lock().send(&answer)) {
            return Ended::Lost(error.to_string());
        }
    }
    Ended::Lost("it was interrupted".to_owned())
}
