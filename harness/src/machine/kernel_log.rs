//! What the kernel logs about a block device, where its log can be read.
//!
//! Source of the form of a record: the kernel's Documentation/ABI/testing/dev-kmsg.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;

const LOG: &str = "/dev/kmsg";

/// Of what is worse than this nobody need be told: the syslog level `warning`.
const LEAST_GRAVE: u32 = 4;

/// The longest record (CONSOLE_EXT_LOG_MAX).
const LONGEST: usize = 8192;

/// The kernel's log from when this was opened on; empty for whoever may not read it.
#[derive(Debug, Default)]
pub(crate) struct KernelLog(Option<File>);

impl KernelLog {
    pub(crate) fn from_now() -> KernelLog {
        let open = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(LOG);
        let at_its_end = open.and_then(|mut log| log.seek(SeekFrom::End(0)).map(|_| log));
        KernelLog(at_its_end.ok())
    }

    /// All that the kernel still holds, since the machine started.
    pub(crate) fn from_the_start() -> io::Result<KernelLog> {
        let log = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(LOG)?;
        Ok(KernelLog(Some(log)))
    }

    /// Warnings and errors since the last time that name the device, such as `loop2`.
    pub(crate) fn about(&mut self, device: &str) -> Vec<String> {
        let mut said = Vec::new();
        while let Some(record) = self.next() {
            said.extend(grave(&record).filter(|message| names(message, device)).map(str::to_owned));
        }
        said
    }

    fn next(&mut self) -> Option<String> {
        let mut record = vec![0; LONGEST];
        loop {
            match self.0.as_mut()?.read(&mut record) {
                Ok(length) => {
                    record.truncate(length);
                    return Some(String::from_utf8_lossy(&record).into_owned());
                }
                // Records were overwritten before they were read; the next call goes on behind them.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
                Err(_) => return None,
            }
        }
    }
}

/// The message of a record `level,number,time,flags;message`, if it is a warning or worse.
fn grave(record: &str) -> Option<&str> {
    let (head, rest) = record.split_once(';')?;
    let level: u32 = head.split(',').next()?.parse().ok()?;
    let message = rest.lines().next()?;
    (level & 7 <= LEAST_GRAVE).then_some(message)
}

/// The device's name stands there as a word.
fn names(message: &str, device: &str) -> bool {
    message.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == device)
}

#[cfg(test)]
mod tests {
    use super::{grave, names};

    #[test]
    fn warnings_about_the_device_are_taken() {
        let record = "2,1234,5140900,-;EXT4-fs (loop2): Remounting filesystem read-only\n SUBSYSTEM=block\n";
        let message = grave(record).expect("it is grave");
        assert_eq!(message, "EXT4-fs (loop2): Remounting filesystem read-only");
        assert!(names(message, "loop2"));
        assert!(!names(message, "loop"));
        assert!(!names("I/O error, dev loop23, sector 0", "loop2"));
        assert_eq!(grave("6,1,2,-;EXT4-fs (loop2): mounted filesystem"), None);
        assert_eq!(grave("30,1,2,-;EXT4-fs (loop2): of a daemon, info"), None);
        assert_eq!(grave("no record"), None);
    }
}
