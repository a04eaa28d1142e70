//! What the file system saw and did: every firing, and the calls worth keeping as evidence.
//!
//! Kept: every call that changes something, every sync, every call a rule struck, every call that failed
//! with an error other than "no such file". Reads that succeed are counted, not kept.

use crate::call::Op;
use crate::clock::Nanos;
use serde::{Deserialize, Serialize};

/// One call, as it ended (or, for a parked call, as it was parked).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FsEvent {
    /// When the call reached the file system.
    pub at: Nanos,
    /// When it was answered; absent while it is parked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Nanos>,
    /// Ordinal of the call on its storage.
    pub seq: u64,
    pub op: Op,
    /// Inode number (`st_ino`) of the file; of the directory for an entry that came to nothing.
    pub ino: u64,
    /// Inode of the parent directory, for calls on a directory's entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<u64>,
    /// Path below the storage's root, lossily UTF-8.
    pub path: String,
    /// Destination of rename and link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_path: Option<String>,
    /// Byte offset; new size for truncate.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub offset: u64,
    /// Byte count asked.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub len: u64,
    /// Byte count done, for read and write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<u64>,
    /// Errno returned, 0 for success.
    #[serde(default, skip_serializing_if = "is_zero_errno")]
    pub errno: i32,
    /// Caller's process id; 0 if nobody called.
    pub pid: u32,
    /// What the caller was called then (`/proc/PID/comm`), if it was there to be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Rules that struck: (name, n-th firing).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fired: Vec<(String, u64)>,
    /// The text that followed the trace's marker in the data written, up to the end of its line: it says which
    /// message a file holds. See [`TraceOptions::marker`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

fn is_zero_errno(n: &i32) -> bool {
    *n == 0
}

/// The last line of a trace that was finished: what a reader holds the lines before it against.
///
/// A digest is no signature: it tells a trace that was cut or changed, not one that somebody wrote anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// What was closed.
    pub closing: Closed,
}

/// A trace as it was when it was closed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// Whose trace it is: [`TraceOptions::label`].
    pub of: String,
    /// Lines before this one.
    pub lines: u64,
    /// Events that found the queue full.
    pub lost: u64,
    /// BLAKE3 of the lines before this one, hexadecimal.
    pub blake3: String,
}

/// A line of a trace.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// A call.
    Event(FsEvent),
    /// The last line.
    Closing(Closed),
}

impl Line {
    /// Reads one.
    ///
    /// # Errors
    /// It is neither; what is said is why it is no call.
    pub fn parse(text: &[u8]) -> serde_json::Result<Line> {
        serde_json::from_slice(text).map(Line::Event).or_else(|error| {
            serde_json::from_slice(text).map(|last: Closing| Line::Closing(last.closing)).map_err(|_| error)
        })
    }

    /// The call, if it is one.
    pub fn event(self) -> Option<FsEvent> {
        match self {
            Line::Event(event) => Some(event),
            Line::Closing(_) => None,
        }
    }
}

/// What a trace looks for and keeps.
#[derive(Clone, Debug, Default)]
pub struct TraceOptions {
    /// Whose trace it is, for its last line.
    pub label: String,
    /// Text to look for in the first 64 KiB of each write, such as `X-Fermoposta-Attempt: `.
    pub marker: Option<Vec<u8>>,
    /// Keep every `close` too, also one that ends well.
    pub closes: bool,
}
