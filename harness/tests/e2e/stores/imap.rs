//! An IMAP server that only knows how to read, with trouble on demand. Whatever is no reading ends the test.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

#[derive(Default)]
pub(super) struct Behaviour {
    /// Messages of the inbox.
    pub(super) messages: u32,
    /// After so many messages that it sent, it goes away for good; never if it is 0.
    pub(super) last: i64,
    /// The connection ends in the middle of this message, always.
    pub(super) poison: u32,
    /// A folder that cannot be opened.
    pub(super) locked: bool,
}

pub(super) struct Server {
    pub(super) address: String,
    state: Arc<State>,
}

struct State {
    behaviour: Behaviour,
    left: AtomicI64,
    /// Commands that would have changed something.
    pub(super) changes: AtomicU64,
}

impl Server {
    pub(super) fn at(address: &str, behaviour: Behaviour) -> std::io::Result<Server> {
        let listener = TcpListener::bind(address)?;
        let left = AtomicI64::new(if behaviour.last == 0 { i64::MAX } else { behaviour.last });
        let state = Arc::new(State { behaviour, left, changes: AtomicU64::new(0) });
        let address = listener.local_addr()?.to_string();
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                if state.left.load(Ordering::SeqCst) <= 0 {
                    return;
                }
                // A client that leaves is no trouble of the server.
                std::thread::spawn(move || drop(serve(stream, &state)));
            }
        });
        Ok(Server { address, state })
    }

    pub(super) fn changes(&self) -> u64 {
        self.state.changes.load(Ordering::SeqCst)
    }
}

fn serve(stream: TcpStream, state: &State) -> std::io::Result<()> {
    let mut out = stream.try_clone()?;
    out.write_all(b"* OK ready\r\n")?;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        let (tag, command) = line.split_once(' ').unwrap_or((&line, ""));
        let mut answer = Vec::new();
        let end = answered(command, state, &mut answer, &mut out)?;
        out.write_all(&answer)?;
        out.write_all(format!("{tag} {end}\r\n").as_bytes())?;
    }
    Ok(())
}

fn answered(
    command: &str,
    state: &State,
    answer: &mut Vec<u8>,
    out: &mut TcpStream,
) -> std::io::Result<String> {
    let behaviour = &state.behaviour;
    let done = "OK done".to_owned();
    match command {
        "CAPABILITY" => answer.extend(b"* CAPABILITY IMAP4rev1 NAMESPACE\r\n"),
        "NAMESPACE" => answer.extend(b"* NAMESPACE ((\"INBOX.\" \".\")) NIL NIL\r\n"),
        "LOGIN \"anna\" \"hidden-word\"" => {}
        other if other.starts_with("LOGIN ") => return Ok(format!("NO [AUTHENTICATIONFAILED] {other}")),
        "LSUB \"\" \"*\"" => answer.extend(b"* LSUB () \".\" INBOX.Citt&AOA-\r\n"),
        "LIST \"\" \"*\"" => {
            answer.extend(b"* LIST (\\HasChildren) \".\" INBOX\r\n* LIST () \".\" \"INBOX.Citt&AOA-\"\r\n");
            answer.extend(
                b"* LIST (\\Noselect) \".\" \"INBOX.Top\"\r\n* LIST () \".\" {11}\r\nINBOX.A\r\nB \r\n",
            );
            if behaviour.locked {
                answer.extend(b"* LIST () \".\" INBOX.Locked\r\n");
            }
        }
        "EXAMINE \"INBOX\"" => {
            answer.extend(format!("* {} EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n", behaviour.messages).bytes());
        }
        "EXAMINE \"INBOX.Citt&AOA-\"" => answer.extend(b"* 0 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n"),
        other if other.starts_with("EXAMINE ") => {
            return Ok("NO [SERVERBUG] hidden-word is no help".to_owned());
        }
        "FETCH 1:* (UID)" => {
            for n in 1..=behaviour.messages {
                answer.extend(format!("* {n} FETCH (UID {})\r\n", n * 2).bytes());
            }
        }
        "LOGOUT" => {}
        other => match uids(other) {
            Some(uids) => send(&uids, state, out)?,
            None => {
                state.changes.fetch_add(1, Ordering::SeqCst);
                return Ok("BAD what".to_owned());
            }
        },
    }
    Ok(done)
}

fn uids(command: &str) -> Option<Vec<u32>> {
    let set = command
        .strip_prefix("UID FETCH ")?
        .strip_suffix(" (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])")?;
    set.split(',').map(|uid| uid.parse().ok()).collect()
}

fn send(uids: &[u32], state: &State, out: &mut TcpStream) -> std::io::Result<()> {
    for uid in uids {
        let text = super::tree::text("anna", u64::from(*uid)).replace('\n', "\r\n");
        let head = format!(
            "* {} FETCH (UID {uid} FLAGS (\\Recent \\Seen $label1) INTERNALDATE \" 1-Jan-2023 10:00:00 +0100\" RFC822.SIZE {} BODY[] {{{}}}\r\n",
            uid / 2,
            text.len(),
            text.len()
        );
        out.write_all(head.as_bytes())?;
        let gone = state.left.fetch_sub(1, Ordering::SeqCst) <= 1;
        if gone || *uid == state.behaviour.poison {
            out.write_all(&text.as_bytes()[..text.len() / 2])?;
            out.shutdown(std::net::Shutdown::Both)?;
            return Err(std::io::Error::other("gone"));
        }
        out.write_all(text.as_bytes())?;
        out.write_all(b")\r\n")?;
    }
    Ok(())
}
