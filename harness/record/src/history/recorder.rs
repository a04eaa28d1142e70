//! Writes the history: one thread, one file, one JSON object a line.
//!
//! Who records something makes its line, puts it into memory and goes on; the writer takes what has gathered, at most
//! [`GATHER`] later. It is woken once for all of it, because to be woken for each line costs more than the line. When
//! [`WAITING`] bytes wait, whoever records waits too: an event is late rather than lost, and the history says that its
//! generator was away. The file lies on a disk that is not under test. The first write error is kept; nothing is written
//! after it, and [`Recorder::finish`] returns it. A file of its own that a line names ([`Recorder::keep`]) is written before
//! the line; that it cannot be written is said in the line and is no error of the history.

use super::closing::Lines;
use super::event::Event;
use super::history::OpId;
use fuse_fs::clock::Nanos;
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a line may wait for others.
const GATHER: Duration = Duration::from_millis(5);
/// Bytes that are not left waiting for more.
const MANY: usize = 256 << 10;
/// Bytes that may wait for the writer.
const WAITING: usize = 16 << 20;
/// A shorter wait for the writer is not worth a line.
const NOTEWORTHY: Duration = Duration::from_millis(20);

/// What the writer is to do next.
enum Piece {
    Lines(Vec<u8>),
    Keep(Box<Kept>),
}

/// A file, and the line that says how writing it went.
struct Kept {
    path: PathBuf,
    bytes: Vec<u8>,
    line: Box<dyn FnOnce(io::Result<()>) -> Event + Send>,
}

/// A handle to the history's writer; clones write to the same file.
#[derive(Clone)]
pub struct Recorder(Arc<Handle>);

/// The last of all handles, dropped, ends the writer.
struct Handle {
    shared: Arc<Shared>,
    next_op: AtomicU64,
    writer: Mutex<Option<JoinHandle<io::Result<()>>>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Something waits for the writer.
    news: Condvar,
    /// The writer took what waited.
    taken: Condvar,
}

#[derive(Default)]
struct State {
    pieces: Vec<Piece>,
    bytes: usize,
    /// How many wait until the writer has taken something.
    held_up: usize,
    /// Nothing is to come any more.
    closed: bool,
    /// The writer has ended.
    over: bool,
    /// Something was recorded after that.
    lost: bool,
}

impl State {
    fn is_pressing(&self) -> bool {
        self.closed || self.bytes >= MANY
    }

    fn add_lines(&mut self, lines: &[u8]) {
        self.bytes += lines.len();
        match self.pieces.last_mut() {
            Some(Piece::Lines(last)) => last.extend_from_slice(lines),
            Some(Piece::Keep(_)) | None => self.pieces.push(Piece::Lines(lines.to_vec())),
        }
    }
}

impl Shared {
    /// Waits until the writer is not too far behind; a wait that is worth it, as an event.
    fn wait_for_room(&self, state: &mut MutexGuard<'_, State>) -> Option<Event> {
        if state.bytes < WAITING || state.over {
            return None;
        }
        let due = Nanos::now();
        state.held_up += 1;
        self.taken.wait_while(state, |state| state.bytes >= WAITING && !state.over);
        state.held_up -= 1;
        let at = Nanos::now();
        (at.since(due) >= NOTEWORTHY).then_some(Event::Stalled { at, due })
    }

    fn add(&self, add: impl FnOnce(&mut State)) {
        let mut state = self.state.lock();
        let stalled = self.wait_for_room(&mut state);
        if state.over {
            state.lost = true;
            return;
        }
        let (empty, pressing) = (state.pieces.is_empty(), state.is_pressing());
        if let Some(stalled) = stalled {
            state.add_lines(&line(&stalled));
        }
        add(&mut state);
        if empty || state.is_pressing() != pressing {
            self.news.notify_one();
        }
    }

    fn close(&self) {
        self.state.lock().closed = true;
        self.news.notify_one();
    }

    /// What has gathered, and whether it is the last.
    fn gathered(&self) -> (Vec<Piece>, bool) {
        let mut state = self.state.lock();
        self.news.wait_while(&mut state, |state| state.pieces.is_empty() && !state.closed);
        let until = Instant::now() + GATHER;
        self.news.wait_while_until(&mut state, |state| !state.is_pressing(), until);
        state.bytes = 0;
        // Nothing comes between the last of it and the end.
        state.over = state.closed;
        if state.held_up > 0 {
            self.taken.notify_all();
        }
        (std::mem::take(&mut state.pieces), state.over)
    }

    fn end(&self) {
        self.state.lock().over = true;
        self.taken.notify_all();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl Recorder {
    /// Creates the file, which must not exist, and starts its writer.
    pub fn create(path: &Path) -> io::Result<Recorder> {
        Recorder::into(File::create_new(path)?)
    }

    fn into(file: File) -> io::Result<Recorder> {
        let shared = Arc::new(Shared::default());
        let own = shared.clone();
        let work = move || write_all(file, &own).inspect_err(|_| own.end());
        let writer = std::thread::Builder::new().name("history".to_owned()).spawn(work)?;
        let (next_op, writer) = (AtomicU64::new(0), Mutex::new(Some(writer)));
        Ok(Recorder(Arc::new(Handle { shared, next_op, writer })))
    }

    /// Number of a new operation; from 0, ascending.
    pub fn next_op(&self) -> OpId {
        OpId(self.0.next_op.fetch_add(1, Ordering::Relaxed))
    }

    /// Appends an event.
    pub fn record(&self, event: Event) {
        let line = line(&event);
        self.0.shared.add(|state| state.add_lines(&line));
    }

    /// Writes a new file, and then appends what `line` says of how that went.
    pub fn keep(
        &self,
        path: PathBuf,
        bytes: Vec<u8>,
        line: impl FnOnce(io::Result<()>) -> Event + Send + 'static,
    ) {
        let kept = Box::new(Kept { path, bytes, line: Box::new(line) });
        self.0.shared.add(|state| {
            state.bytes += kept.bytes.len();
            state.pieces.push(Piece::Keep(kept));
        });
    }

    /// Writes everything recorded so far to the disk and closes the file.
    ///
    /// # Errors
    /// The first error of the writer; or that events were recorded after it had ended.
    pub fn finish(&self) -> io::Result<()> {
        let Some(writer) = self.0.writer.lock().take() else {
            return Err(io::Error::other("the history was already finished"));
        };
        self.0.shared.close();
        writer.join().unwrap_or_else(|_| Err(io::Error::other("the history's writer panicked")))?;
        match self.0.shared.state.lock().lost {
            true => Err(io::Error::other("events were recorded after the history's writer had ended")),
            false => Ok(()),
        }
    }
}

/// An event with its line end.
fn line(event: &Event) -> Vec<u8> {
    let mut line = Vec::with_capacity(512);
    serde_json::to_writer(&mut line, event).expect("an event has string keys only, and memory takes all");
    line.push(b'\n');
    line
}

fn write_all(mut file: File, shared: &Shared) -> io::Result<()> {
    let mut all = Lines::default();
    loop {
        let (pieces, last) = shared.gathered();
        for piece in pieces {
            let lines = match piece {
                Piece::Lines(lines) => lines,
                Piece::Keep(kept) => line(&(kept.line)(write_new(&kept.path, &kept.bytes))),
            };
            all.add(&lines);
            file.write_all(&lines)?;
        }
        if last {
            file.write_all(&line(&all.closing()))?;
            return file.sync_all();
        }
    }
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
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 40_001);
        assert_eq!(lines[39_999], r#"{"event":"end","at":39999}"#);
        assert!(lines[40_000].starts_with(r#"{"event":"closing","lines":40000,"#), "{}", lines[40_000]);
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
    fn a_full_disk_is_an_error_of_finish_and_holds_nobody_up() {
        let file = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
        let recorder = Recorder::into(file).expect("started");
        for n in 0..1_000_000 {
            recorder.record(Event::End { at: Nanos(n) });
        }
        assert_eq!(recorder.finish().expect_err("full").kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn an_event_after_the_end_is_not_lost_in_silence() {
        let folder = tempfile::tempdir().expect("temp dir");
        let recorder = Recorder::create(&folder.path().join("history.jsonl")).expect("created");
        recorder.0.shared.close();
        let deadline = Instant::now() + Duration::from_secs(10);
        while !recorder.0.shared.state.lock().over {
            assert!(Instant::now() < deadline, "the writer does not end");
            std::thread::yield_now();
        }
        recorder.record(Event::End { at: Nanos(1) });
        assert!(recorder.finish().is_err());
    }

    /// A writer that cannot keep up holds up those who record, and the history says for how long.
    #[test]
    fn a_wait_for_the_writer_is_a_line() {
        let shared = Arc::new(Shared::default());
        shared.state.lock().bytes = WAITING;
        let own = shared.clone();
        let waits = std::thread::spawn(move || own.add(|state| state.add_lines(b"x\n")));
        let mut since = Instant::now();
        while since.elapsed() < NOTEWORTHY * 2 {
            if shared.state.lock().held_up == 0 {
                since = Instant::now();
            }
            std::thread::yield_now();
        }
        shared.state.lock().pieces.push(Piece::Lines(Vec::new()));
        let (before, _) = shared.gathered();
        waits.join().expect("it is let go");
        let (after, _) = shared.gathered();
        let lines = before.into_iter().chain(after).map(|piece| match piece {
            Piece::Lines(lines) => String::from_utf8(lines).expect("text"),
            Piece::Keep(_) => String::new(),
        });
        let text: String = lines.collect();
        assert!(text.starts_with("{\"event\":\"stalled\"") && text.ends_with("x\n"), "{text}");
    }
}
