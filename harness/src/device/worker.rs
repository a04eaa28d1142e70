//! A thread for each way of storing: it lives as long as the process, so that an item whose disk hangs outlives the connection that asked
//! for it, and its report goes nowhere.

use super::message::FromWriter;
use super::store::store::{Store, store};
use super::wire::Sender;
use parking_lot::Mutex;
use record::series::content::Content;
use record::series::stream::Stream;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender as Orders, channel};
use std::time::{Duration, Instant};
use strum::VariantArray;

/// After an item that could not be stored.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) enum Order {
    /// Makes the store ready, and stores the item `n` for this connection.
    Begin {
        content: Content,
        retire_below: u64,
        n: u64,
        report: Arc<Mutex<Sender>>,
    },
    Next {
        n: u64,
    },
}

/// When what is being stored was begun.
type Since = Arc<Mutex<Option<Instant>>>;

pub(super) struct Workers(BTreeMap<Stream, (Orders<Order>, Since)>);

impl Workers {
    pub(super) fn start(directory: &Path) -> io::Result<Workers> {
        let one = |stream: &Stream| {
            let (orders, since) = (channel(), Since::default());
            let worker = Worker {
                stream: *stream,
                store: store(*stream, directory),
                since: since.clone(),
                current: None,
                to_begin: None,
            };
            std::thread::Builder::new().name(stream.to_string()).spawn(move || worker.work(&orders.1))?;
            Ok((*stream, (orders.0, since)))
        };
        Stream::VARIANTS.iter().map(one).collect::<io::Result<_>>().map(Workers)
    }

    /// The ledger never has more than one order open for a stream, so orders do not pile up.
    pub(super) fn order(&self, stream: Stream, order: Order) {
        let (orders, _) = &self.0[&stream];
        orders.send(order).expect("a worker lives as long as its orders");
    }

    /// For how long the oldest item is being stored.
    pub(super) fn waiting(&self) -> impl Fn() -> Duration + Send + 'static {
        let all: Vec<Since> = self.0.values().map(|(_, since)| since.clone()).collect();
        move || {
            let ages = all.iter().filter_map(|since| since.lock().map(|since| since.elapsed()));
            ages.max().unwrap_or_default()
        }
    }
}

struct Worker {
    stream: Stream,
    store: Box<dyn Store>,
    since: Since,
    current: Option<(Content, Arc<Mutex<Sender>>)>,
    /// The store is not ready yet; what lies below this may go.
    to_begin: Option<u64>,
}

impl Worker {
    fn work(mut self, orders: &Receiver<Order>) {
        while let Ok(order) = orders.recv() {
            *self.since.lock() = Some(Instant::now());
            let n = match order {
                Order::Begin { content, retire_below, n, report } => {
                    self.current = Some((content, report));
                    self.to_begin = Some(retire_below);
                    n
                }
                Order::Next { n } => n,
            };
            let Some((content, report)) = self.current.clone() else { continue };
            let stored = self.store(content, n);
            *self.since.lock() = None;
            // Who is gone is told by the connection's own thread.
            let _ = report.lock().send(&self.reported(n, stored));
        }
    }

    fn store(&mut self, content: Content, n: u64) -> io::Result<()> {
        if let Some(retire_below) = self.to_begin {
            self.store.begin(retire_below)?;
            self.to_begin = None;
        }
        self.store.store(n, &content.item(self.stream, n))
    }

    fn reported(&self, n: u64, stored: io::Result<()>) -> FromWriter {
        let stream = self.stream;
        match stored {
            Ok(()) => FromWriter::Done { stream, n },
            Err(error) => {
                // A full disk stays full for a while.
                std::thread::park_timeout(PAUSE);
                FromWriter::Failed { stream, n, why: error.to_string() }
            }
        }
    }
}
