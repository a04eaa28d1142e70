//! Serves the files of one directory by HTTP/1.0, as little of it as a client of ours needs. It runs as a process of its
//! own: its threads wait in calls that the storage holds back, and nobody else does.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Connections at once; a storage that hangs ties each of them up.
const MOST_AT_ONCE: usize = 512;
/// Longest request line.
const LONGEST_LINE: u64 = 1_000;
/// A client that says nothing is not waited for any longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Listens on a free loopback port, prints its address, and serves what lies directly below `root` until it is killed.
pub(crate) fn serve(root: &Path) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut out = io::stdout();
    writeln!(out, "{}", listener.local_addr()?)?;
    out.flush()?;
    let (root, busy) = (Arc::new(root.to_owned()), Arc::new(AtomicUsize::new(0)));
    for stream in listener.incoming() {
        let (stream, root, busy) = (stream?, root.clone(), busy.clone());
        if busy.fetch_add(1, Ordering::Relaxed) >= MOST_AT_ONCE {
            busy.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        std::thread::spawn(move || {
            // A client that went away is its own affair.
            let _ = answer(stream, &root);
            busy.fetch_sub(1, Ordering::Relaxed);
        });
    }
    Ok(())
}

pub(crate) fn answer(mut stream: TcpStream, root: &Path) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new(&stream).take(LONGEST_LINE).read_line(&mut line)?;
    let name = line.strip_prefix("GET /").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c));
    let found = match plain && !name.starts_with('.') {
        true => std::fs::read(root.join(name)),
        false => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    match found {
        Ok(body) => {
            write!(stream, "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", body.len())?;
            stream.write_all(&body)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            write!(stream, "HTTP/1.0 404 Not Found\r\n\r\n")
        }
        Err(error) => write!(stream, "HTTP/1.0 500 Internal Server Error\r\n\r\n{error}\r\n"),
    }
}
