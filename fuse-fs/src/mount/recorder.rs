//! Writes the trace: a bounded backlog, one thread, JSON Lines. A full backlog loses events, counts them, and
//! never holds up a call. The last line is its closing record: without it a trace was cut, or its process died.

use super::backlog::Backlog;
use super::callers::Callers;
use super::trace::{FsEvent, TraceOptions};
use crate::clock::Nanos;
use crate::mount::trace::{Closed, Closing};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

/// Events that may wait for the writer.
const BACKLOG: usize = 65_536;

/// How much of a write is searched for the marker.
const MARKER_WINDOW: usize = 64 * 1024;

/// Longest text kept after a marker.
const MARK_LIMIT: usize = 256;

/// Where a mount's events go. Clones share one file.
#[derive(Clone, Debug)]
pub struct TraceSink {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    backlog: Arc<Backlog<FsEvent>>,
    /// Whether the writer may close the trace.
    finished: Arc<OnceLock<Finished>>,
    marker: Option<Vec<u8>>,
    closes: bool,
    callers: Callers,
    seq: AtomicU64,
    lost: AtomicU64,
    writer: parking_lot::Mutex<Option<JoinHandle<std::io::Result<Closed>>>>,
}

/// The trace is whole.
#[derive(Clone, Copy, Debug)]
struct Finished {
    /// Events that found no room until then.
    lost: u64,
}

impl Drop for Inner {
    /// Every sink is gone: if nobody finished the trace, its writer ends without closing it.
    fn drop(&mut self) {
        self.backlog.end();
    }
}

impl TraceSink {
    /// A trace into a new file (an old one is overwritten).
    pub fn file(path: &Path, options: TraceOptions) -> std::io::Result<TraceSink> {
        let file = File::create(path)?;
        let (backlog, finished) = (Arc::new(Backlog::of(BACKLOG)), Arc::<OnceLock<Finished>>::default());
        let (events, end, label) = (backlog.clone(), finished.clone(), options.label);
        let write = move || {
            let closed = write_all(file, &events, &end, label);
            // What comes after a failure is lost, and counted so.
            events.end();
            closed
        };
        let writer = std::thread::Builder::new().name("trace".into()).spawn(write)?;
        let inner = Inner {
            backlog,
            finished,
            marker: options.marker.filter(|m| !m.is_empty()),
            closes: options.closes,
            callers: Callers::default(),
            seq: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            writer: parking_lot::Mutex::new(Some(writer)),
        };
        Ok(TraceSink { inner: Arc::new(inner) })
    }

    /// The next call's ordinal.
    pub(crate) fn next_seq(&self) -> u64 {
        self.inner.seq.fetch_add(1, Relaxed)
    }

    /// Records an event, or counts it as lost.
    pub(crate) fn record(&self, event: FsEvent) {
        if !self.inner.backlog.put(event) {
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

    /// What the caller of a call that is under way is called.
    pub(crate) fn command(&self, pid: u32) -> Option<String> {
        self.inner.callers.command(pid, Nanos::now())
    }

    /// Whether it keeps closes that end well.
    pub(crate) fn closes(&self) -> bool {
        self.inner.closes
    }

    /// Events lost so far.
    pub fn lost(&self) -> u64 {
        self.inner.lost.load(Relaxed)
    }

    /// Writes what waits, and the closing record; what it says. Events after that are lost, and counted so.
    pub fn finish(&self) -> std::io::Result<Closed> {
        let Some(writer) = self.inner.writer.lock().take() else {
            return Err(std::io::Error::other("the trace was finished before"));
        };
        // The first to finish it took the writer: nobody else comes here.
        self.inner.finished.get_or_init(|| Finished { lost: self.lost() });
        self.inner.backlog.end();
        writer.join().map_err(|_| std::io::Error::other("the trace writer panicked"))?
    }
}

/// Lines on their way to the file, counted and digested.
struct Lines {
    out: BufWriter<File>,
    line: Vec<u8>,
    digest: blake3::Hasher,
    written: u64,
}

impl Lines {
    fn new(file: File) -> Lines {
        let out = BufWriter::with_capacity(1 << 18, file);
        Lines { out, line: Vec::new(), digest: blake3::Hasher::new(), written: 0 }
    }

    fn write(&mut self, event: &FsEvent) -> std::io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, event)?;
        self.line.push(b'\n');
        self.digest.update(&self.line);
        self.written += 1;
        self.out.write_all(&self.line)
    }

    fn close(mut self, of: String, lost: u64) -> std::io::Result<Closed> {
        let blake3 = self.digest.finalize().to_hex().to_string();
        let closed = Closed { of, lines: self.written, lost, blake3 };
        serde_json::to_writer(&mut self.out, &Closing { closing: closed.clone() })?;
        self.out.write_all(b"\n")?;
        self.out.flush()?;
        Ok(closed)
    }
}

/// Unless it is finished at the end there is no closing record: every sink is gone, and nobody finished the trace.
fn write_all(
    file: File,
    events: &Backlog<FsEvent>,
    finished: &OnceLock<Finished>,
    label: String,
) -> std::io::Result<Closed> {
    let (mut lines, mut batch) = (Lines::new(file), Vec::new());
    while events.take(&mut batch) {
        batch.drain(..).try_for_each(|event| lines.write(&event))?;
        lines.out.flush()?;
    }
    match finished.get() {
        Some(Finished { lost }) => lines.close(label, *lost),
        None => Ok(Closed::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mount::trace::{Closed, Closing};

    #[test]
    fn a_marker_is_found_up_to_the_end_of_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let options = TraceOptions { marker: Some(b"X-Mark: ".to_vec()), ..TraceOptions::default() };
        let sink = TraceSink::file(&folder.path().join("t"), options).unwrap();
        assert_eq!(sink.mark(b"From: a\r\nX-Mark: abc-1\r\n\r\n").as_deref(), Some("abc-1"));
        assert_eq!(sink.mark(b"nothing"), None);
        let closed = sink.finish().unwrap();
        assert_eq!((closed.lines, closed.lost), (0, 0));
        assert!(sink.finish().is_err());
    }

    #[test]
    fn the_last_line_closes_the_trace_with_count_and_digest_of_the_lines_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t");
        let options = TraceOptions { label: "a run's mail".to_owned(), ..TraceOptions::default() };
        let sink = TraceSink::file(&path, options).unwrap();
        (0..3).for_each(|_| sink.record(event(sink.next_seq())));
        let closed = sink.finish().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let (lines, last) = text.trim_end().rsplit_once('\n').unwrap();
        assert_eq!(lines.lines().count(), 3);
        assert_eq!(serde_json::from_str::<Closing>(last).unwrap().closing, closed);
        let digest = blake3::hash(format!("{lines}\n").as_bytes()).to_hex().to_string();
        assert_eq!(closed, Closed { of: "a run's mail".to_owned(), lines: 3, lost: 0, blake3: digest });
    }

    #[test]
    fn a_trace_that_nobody_finished_has_no_closing_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t");
        let sink = TraceSink::file(&path, TraceOptions::default()).unwrap();
        sink.record(event(sink.next_seq()));
        let writer = sink.inner.writer.lock().take().unwrap();
        drop(sink);
        writer.join().unwrap().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.lines().all(|line| serde_json::from_str::<FsEvent>(line).is_ok()), "{text}");
    }

    fn event(seq: u64) -> FsEvent {
        let line = format!(r#"{{"at":1,"seq":{seq},"op":"fsync","ino":5,"path":"a","pid":1}}"#);
        serde_json::from_str(&line).unwrap()
    }
}
