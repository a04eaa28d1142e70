//! The other end of a mail server's `/dev/log`: every line goes into a file.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

/// The longest line that is taken whole.
const LONGEST: usize = 64 * 1024;

/// Binds the socket `name` in `directory` and writes what arrives into `log`, until this process ends.
pub(crate) fn listen(directory: &Path, name: &str, log: File) -> io::Result<()> {
    let opened = File::open(directory)?;
    // An address holds about a hundred bytes; a run directory's path may be longer.
    let short = Path::new("/proc/self/fd").join(opened.as_raw_fd().to_string()).join(name);
    let socket = UnixDatagram::bind(&short)?;
    // Whoever may log may log here.
    std::fs::set_permissions(directory.join(name), Permissions::from_mode(0o666))?;
    std::thread::Builder::new().name("syslog".to_owned()).spawn(move || write_lines(&socket, log))?;
    Ok(())
}

fn write_lines(socket: &UnixDatagram, mut log: File) {
    let mut buffer = vec![0; LONGEST];
    while let Ok(length) = socket.recv(&mut buffer) {
        let line = buffer[..length].trim_ascii_end();
        let line = line.strip_suffix(b"\0").unwrap_or(line);
        if let Err(error) = log.write_all(&[line, b"\n"].concat()) {
            tracing::warn!(%error, "a line of the mail server's syslog is lost");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn what_is_sent_is_in_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("syslog.log");
        listen(directory.path(), "syslog.socket", File::create(&log).unwrap()).unwrap();
        let socket = UnixDatagram::unbound().unwrap();
        socket.send_to(b"<22>cyrus: ready\n", directory.path().join("syslog.socket")).unwrap();
        let deadline = Instant::now() + Duration::from_secs(5);
        while std::fs::read_to_string(&log).unwrap() != "<22>cyrus: ready\n" {
            assert!(Instant::now() < deadline, "the line did not arrive");
            std::thread::yield_now();
        }
    }
}
