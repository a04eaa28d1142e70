//! Writes the trace: a bounded queue, one thread, JSON Lines. A full queue loses events, counts them, and
//! never holds up a call.

use super::trace::{FsEvent, TraceOptions};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;

/// Events that may wait for the writer.
const QUEUE: usize = 65_536;

/// How much of a write is searched for the marker.
const MARKER_WINDOW: usize = 64 * 1024;

/// Longest text kept after a marker.
const MARK_LIMIT: usize = 256;

/// Where a mount's events go. Clones share one file.
#[derive(Clone, Debug)]
pub struct TraceSink {
    queue: Sender<Message>,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    marker: Option<Vec<u8>>,
    closes: bool,
    seq: AtomicU64,
    lost: AtomicU64,
    writer: parking_lot::Mutex<Option<JoinHandle<std::io::Result<u64>>>>,
}

#[derive(Debug)]
enum Message {
    Event(Box<FsEvent>),
    End,
}

/// What became of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceSummary {
    /// Events in the file.
    pub written: u64,
    /// Events that found the queue full.
    pub lost: u64,
}

impl TraceSink {
    /// A trace into a new file (an old one is overwritten).
    pub fn file(path: &Path, options: TraceOptions) -> std::io::Result<TraceSink> {
        let file = File::create(path)?;
        let (queue, events) = bounded(QUEUE);
        let writer =
            std::thread::Builder::new().name("trace".into()).spawn(move || write_all(file, &events))?;
        let inner = Inner {
            marker: options.marker.filter(|m| !m.is_empty()),
            closes: options.closes,
            seq: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            writer: parking_lot::Mutex::new(Some(writer)),
        };
        Ok(TraceSink { queue, inner: Arc::new(inner) })
    }

    /// The next call's ordinal.
    pub(crate) fn next_seq(&self) -> u64 {
        self.inner.seq.fetch_add(1, Relaxed)
    }

    /// Records an event, or counts it as lost.
    pub(crate) fn record(&self, event: FsEvent) {
        if self.queue.try_send(Message::Event(Box::new(event))).is_err() {
            self.inner.lost.fetch_add(1, Relaxed);
        }
    }

    /// The text after the marker in data being written.
    pub(crate) fn mark(&self, data: &[u8]) -> Option<String> {
        let marker = self.inner.marker.as_deref()?;
        let window = &data[..data.len().min(MARKER_WINDOW)];
        let start = memchr::memmem::find(window, marker)? + marker.len();
        let rest = &data[start..data.len().min(start + MARK_LIMIT)];
        let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
        Some(String::from_utf8_lossy(&rest[..end]).into_owned())
    }

    /// Whether it keeps closes that end well.
    pub(crate) fn closes(&self) -> bool {
        self.inner.closes
    }

    /// Events lost so far.
    pub fn lost(&self) -> u64 {
        self.inner.lost.load(Relaxed)
    }

    /// Writes what waits and closes the file. Events after that are lost, and counted so.
    pub fn finish(&self) -> std::io::Result<TraceSummary> {
        let Some(writer) = self.inner.writer.lock().take() else {
            return Err(std::io::Error::other("the trace was finished before"));
        };
        // A failed send means the writer is gone already: its result says why.
        drop(self.queue.send(Message::End));
        let written = writer.join().map_err(|_| std::io::Error::other("the trace writer panicked"))??;
        Ok(TraceSummary { written, lost: self.lost() })
    }
}

fn write_all(file: File, events: &Receiver<Message>) -> std::io::Result<u64> {
    let mut out = BufWriter::with_capacity(1 << 18, file);
    let mut written = 0;
    loop {
        let message = match events.try_recv() {
            Ok(message) => message,
            Err(_) => {
                out.flush()?;
                match events.recv() {
                    Ok(message) => message,
                    Err(_) => return Ok(written),
                }
            }
        };
        match message {
            Message::Event(event) => {
                serde_json::to_writer(&mut out, &event)?;
                out.write_all(b"\n")?;
                written += 1;
            }
            Message::End => break,
        }
    }
    out.flush()?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_found_up_to_the_end_of_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let options = TraceOptions { marker: Some(b"X-Mark: ".to_vec()), ..TraceOptions::default() };
        let sink = TraceSink::file(&folder.path().join("t"), options).unwrap();
        assert_eq!(sink.mark(b"From: a\r\nX-Mark: abc-1\r\n\r\n").as_deref(), Some("abc-1"));
        assert_eq!(sink.mark(b"nothing"), None);
        assert_eq!(sink.finish().unwrap(), TraceSummary { written: 0, lost: 0 });
        assert!(sink.finish().is_err());
    }
}
