//! Writes the history: one thread, one file, one JSON object a line.
//!
//! Senders block when [`QUEUE`] events wait: an event is late rather than lost. The file lies on a disk that is
//! not under test. The first write error is kept; nothing is written after it, and [`Recorder::finish`] returns it.
//! A file of its own that a line names ([`Recorder::keep`]) is written before the line; that it cannot be written is
//! said in the line and is no error of the history.

use super::closing::Lines;
use super::event::Event;
use super::history::OpId;
use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

/// Events that may wait for the writer.
const QUEUE: usize = 16_384;

/// What the writer thread is told.
enum Order {
    Write(Box<Event>),
    Keep(Box<Kept>),
    Finish,
}

/// A file, and the line that says how writing it went.
struct Kept {
    path: PathBuf,
    bytes: Vec<u8>,
    line: Box<dyn FnOnce(io::Result<()>) -> Event + Send>,
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
        self.order(Order::Write(Box::new(event)));
    }

    /// Writes a new file, and then appends what `line` says of how that went.
    pub fn keep(
        &self,
        path: PathBuf,
        bytes: Vec<u8>,
        line: impl FnOnce(io::Result<()>) -> Event + Send + 'static,
    ) {
        self.order(Order::Keep(Box::new(Kept { path, bytes, line: Box::new(line) })));
    }

    fn order(&self, order: Order) {
        if self.0.orders.send(order).is_err() {
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

fn write_line(file: &mut impl Write, event: &Event) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    file.write_all(&line)?;
    Ok(line)
}

fn write_all(mut file: BufWriter<File>, inbox: &Receiver<Order>) -> io::Result<()> {
    let mut lines = Lines::default();
    for order in inbox {
        let event = match order {
            Order::Write(event) => *event,
            Order::Keep(kept) => (kept.line)(write_new(&kept.path, &kept.bytes)),
            Order::Finish => break,
        };
        lines.add(&write_line(&mut file, &event)?);
        if inbox.is_empty() {
            file.flush()?;
        }
    }
    write_line(&mut file, &lines.closing())?;
    file.flush()?;
    file.get_ref().sync_all()
}

/// Writes a whole file, or leaves none.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    let mut file = File::create_new(path)?;
    // What is left of it on a full disk would be taken for what was read.
    file.write_all(bytes).inspect_err(|_| drop(std::fs::remove_file(path)))
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
    fn a_file_is_written_before_its_line_and_a_failure_is_said_in_it() {
        let folder = tempfile::tempdir().expect("temp dir");
        let recorder = Recorder::create(&folder.path().join("history.jsonl")).expect("created");
        let path = folder.path().join("below/it");
        for _ in 0..2 {
            let seen = path.clone();
            recorder.keep(path.clone(), b"bytes".to_vec(), move |done| {
                assert_eq!(std::fs::read(seen).expect("written"), b"bytes");
                Event::Phase { at: Nanos(1), name: format!("{:?}", done.map_err(|error| error.kind())) }
            });
        }
        recorder.finish().expect("finished");
        let text = std::fs::read_to_string(folder.path().join("history.jsonl")).expect("readable");
        let names = ["Ok(())", "Err(AlreadyExists)"];
        assert!(text.lines().zip(names).all(|(line, name)| line.contains(name)), "{text}");
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
