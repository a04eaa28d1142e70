//! What a device was told to write and to flush, in order, so that every state that a power cut could leave can be made of it.
//!
//! Contract: a write is noted before it is answered, a flush after it has ended, with how many writes it covers: those that were
//! noted when it began. It is for a backing directory that holds one file, the device; whose file a write is to is not noted.

use parking_lot::Mutex;
use std::ops::Range;

/// One thing that a device was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Bytes, from an offset on.
    Write { offset: u64, data: Vec<u8> },
    /// Zeros, or a hole.
    Zero(Range<u64>),
    /// So many of the entries before it are durable.
    Flush { covers: usize },
}

/// Everything a device was told since it was asked last.
#[derive(Debug, Default)]
pub struct WriteLog(Mutex<Vec<Told>>);

impl WriteLog {
    /// How much there is.
    pub fn len(&self) -> usize {
        self.0.lock().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of it; from now on there is nothing.
    pub fn take(&self) -> Vec<Told> {
        std::mem::take(&mut *self.0.lock())
    }

    pub(crate) fn note(&self, told: Told) {
        self.0.lock().push(told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_is_gone() {
        let log = WriteLog::default();
        log.note(Told::Zero(0..4096));
        log.note(Told::Flush { covers: log.len() });
        assert_eq!(log.take(), [Told::Zero(0..4096), Told::Flush { covers: 1 }]);
        assert!(log.is_empty());
    }
}
