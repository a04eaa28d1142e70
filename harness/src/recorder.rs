//! Writes the history: one thread, one file, one JSON object a line.
//!
//! Senders block when [`QUEUE`] events wait: an event is late rather than lost. The file lies on a disk that is
//! not under test. The first write error is kept; nothing is written after it, and [`Recorder::finish`] returns it.

use crate::history::{Event, OpId};
use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

/// Events that may wait for the writer.
const QUEUE: usize = 16_384;

/// What the writer thread is told.
enum Order {
    Write(Box<Event>),
    Finish,
}

/// A handle to the history's writer; clones write to the same file.
#[derive(Clone)]
pub struct Recorder(Arc<Shared>);

struct Shared {
    orders: Sender<Order>,
    next_op: AtomicU64,
    lost: AtomicBool,
    writer: Mutex<Option<JoinHandle<io::Result<()>>>>,
}

impl Recorder {
    /// Creates the file, which must not exist, and starts its writer.
    pub fn create(path: &Path) -> io::Result<Recorder> {
        let file = File::create_new(path)?;
        let (orders, inbox) = bounded(QUEUE);
        let writer = std::thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || write_all(BufWriter::new(file), &inbox))?;
        Ok(Recorder(Arc::new(Shared {
            orders,
            next_op: AtomicU64::new(0),
            lost: AtomicBool::new(false),
            writer: Mutex::new(Some(writer)),
        })))
    }

    /// Number of a new operation; from 0, ascending.
    pub fn next_op(&self) -> OpId {
        OpId(self.0.next_op.fetch_add(1, Ordering::Relaxed))
    }

    /// Appends an event.
    pub fn record(&self, event: Event) {
        if self.0.orders.send(Order::Write(Box::new(event))).is_err() {
            self.0.lost.store(true, Ordering::Relaxed);
        }
    }

    /// Writes everything recorded so far to the disk and closes the file.
    ///
    /// # Errors
    /// The first error of the writer; or that events were recorded after it had ended.
    pub fn finish(&self) -> io::Result<()> {
        let Some(writer) = self.0.writer.lock().take() else {
            return Err(io::Error::other("the history was already finished"));
        };
        let _ = self.0.orders.send(Order::Finish);
        writer.join().unwrap_or_else(|_| Err(io::Error::other("the history's writer panicked")))?;
        match self.0.lost.load(Ordering::Relaxed) {
            true => Err(io::Error::other("events were recorded after the history's writer had ended")),
            false => Ok(()),
        }
    }
}

fn write_all(mut file: BufWriter<File>, inbox: &Receiver<Order>) -> io::Result<()> {
    for order in inbox {
        match order {
            Order::Write(event) => {
                serde_json::to_writer(&mut file, &event)?;
                file.write_all(b"\n")?;
                if inbox.is_empty() {
                    file.flush()?;
                }
            }
            Order::Finish => break,
        }
    }
    file.flush()?;
    file.get_ref().sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fuse_fs::clock::Nanos;

    #[test]
    fn events_are_on_the_disk_in_order_after_finish() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("history.jsonl");
        let recorder = Recorder::create(&path).expect("created");
        for n in 0..40_000 {
            recorder.record(Event::End { at: Nanos(n) });
        }
        recorder.finish().expect("finished");
        let text = std::fs::read_to_string(&path).expect("readable");
        assert_eq!(text.lines().count(), 40_000);
        assert_eq!(text.lines().next_back(), Some(r#"{"event":"end","at":39999}"#));
        assert!(recorder.finish().is_err());
    }

    #[test]
    fn a_full_disk_is_an_error_of_finish() {
        let file = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
        let (orders, inbox) = bounded(8);
        orders.send(Order::Write(Box::new(Event::End { at: Nanos(1) }))).expect("sent");
        drop(orders);
        assert!(write_all(BufWriter::new(file), &inbox).is_err());
    }
}
