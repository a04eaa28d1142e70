//! A mail server in memory for tests of the workload: LMTP and just the IMAP that the clients speak.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What a delivery gets after its dot.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    /// Stored, and said so.
    Ok,
    Refuse(&'static str),
    /// Stored, and said so after twice the time limit of the tests' plan.
    Late,
    /// Stored, and never said so.
    Silence,
}

#[derive(Clone, Debug)]
struct Stored {
    uid: u32,
    flags: Vec<String>,
    bytes: Vec<u8>,
    /// FETCH of it is answered with nonsense.
    broken: bool,
}

/// Next UID and messages.
type Mailbox = (u32, Vec<Stored>);

#[derive(Default)]
struct Shared {
    /// By user and mailbox.
    mail: Mutex<BTreeMap<(String, String), Mailbox>>,
    deliveries: AtomicU64,
}

pub(crate) struct Fake {
    pub(crate) lmtp: String,
    pub(crate) imap: String,
    shared: Arc<Shared>,
}

impl Fake {
    /// `answer` is asked with the number of the delivery, from 0.
    pub(crate) async fn start(answer: fn(u64) -> Answer) -> Fake {
        let shared = Arc::new(Shared::default());
        let (lmtp, lmtp_address) = listen().await;
        let (imap, imap_address) = listen().await;
        let (one, two) = (shared.clone(), shared.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = lmtp.accept().await {
                tokio::spawn(deliver(one.clone(), BufReader::new(stream), answer));
            }
        });
        tokio::spawn(async move {
            while let Ok((stream, _)) = imap.accept().await {
                tokio::spawn(session(two.clone(), BufReader::new(stream)));
            }
        });
        Fake { lmtp: lmtp_address, imap: imap_address, shared }
    }

    /// Removes the message whose bytes contain `text`, as a lossy server would.
    pub(crate) fn lose(&self, text: &str) {
        for (_, messages) in self.shared.mail.lock().values_mut() {
            messages.retain(|m| !String::from_utf8_lossy(&m.bytes).contains(text));
        }
    }
}

impl Fake {
    /// Turns a bit over in the body of the message whose bytes contain `text`.
    pub(crate) fn damage(&self, text: &str) {
        for (_, messages) in self.shared.mail.lock().values_mut() {
            for message in messages.iter_mut().filter(|m| String::from_utf8_lossy(&m.bytes).contains(text)) {
                let at = message.bytes.len() - 10;
                message.bytes[at] ^= 1;
            }
        }
    }

    /// Keeps only the first half of the message whose bytes contain `text`.
    pub(crate) fn cut(&self, text: &str) {
        for (_, messages) in self.shared.mail.lock().values_mut() {
            for message in messages.iter_mut().filter(|m| String::from_utf8_lossy(&m.bytes).contains(text)) {
                message.bytes.truncate(message.bytes.len() / 2);
            }
        }
    }

    /// Answers every FETCH of the message whose bytes contain `text` with nonsense.
    pub(crate) fn spoil(&self, text: &str) {
        for (_, messages) in self.shared.mail.lock().values_mut() {
            for message in messages {
                message.broken |= String::from_utf8_lossy(&message.bytes).contains(text);
            }
        }
    }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    (listener, address)
}

type Stream = BufReader<TcpStream>;

async fn line(stream: &mut Stream) -> Option<String> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|n| *n > 0)?;
    Some(line.trim_end().to_owned())
}

async fn say(stream: &mut Stream, text: &str) -> Option<()> {
    stream.get_mut().write_all(text.as_bytes()).await.ok()
}

async fn deliver(shared: Arc<Shared>, mut stream: Stream, answer: fn(u64) -> Answer) -> Option<()> {
    say(&mut stream, "220 fake\r\n").await?;
    let mut user = String::new();
    loop {
        let command = line(&mut stream).await?;
        if let Some(to) = command.strip_prefix("RCPT TO:<") {
            user = to.split('@').next()?.to_owned();
        }
        match command.as_str() {
            "DATA" => say(&mut stream, "354 go\r\n").await?,
            "QUIT" => return Some(()),
            hello if hello.starts_with("LHLO") => {
                say(&mut stream, "250-fake\r\n250 SMTPUTF8\r\n").await?;
                continue;
            }
            _ => {
                say(&mut stream, "250 ok\r\n").await?;
                continue;
            }
        }
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n.\r\n") {
            stream.read_until(b'\n', &mut bytes).await.ok().filter(|n| *n > 0)?;
        }
        bytes.truncate(bytes.len() - 3);
        let bytes = unstuffed(&bytes);
        let answer = answer(shared.deliveries.fetch_add(1, Ordering::Relaxed));
        if !matches!(answer, Answer::Refuse(_)) {
            store(&shared, &user, "INBOX", Vec::new(), bytes);
        }
        match answer {
            Answer::Ok => say(&mut stream, "250 saved\r\n").await?,
            Answer::Refuse(text) => say(&mut stream, text).await?,
            Answer::Late => {
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                say(&mut stream, "250 saved\r\n").await?;
            }
            Answer::Silence => {}
        }
    }
}

/// Without the dots that were put before dots; only CRLF ends a line.
fn unstuffed(wire: &[u8]) -> Vec<u8> {
    let dotted = |at: usize| wire[at] == b'.' && (at == 0 || wire[..at].ends_with(b"\r\n"));
    (0..wire.len()).filter(|at| !dotted(*at)).map(|at| wire[at]).collect()
}

fn store(shared: &Shared, user: &str, mailbox: &str, flags: Vec<String>, bytes: Vec<u8>) -> u32 {
    let mut mail = shared.mail.lock();
    let (next, messages) = mail.entry((user.to_owned(), mailbox.to_owned())).or_default();
    *next += 1;
    messages.push(Stored { uid: *next, flags, bytes, broken: false });
    *next
}

async fn session(shared: Arc<Shared>, mut stream: Stream) -> Option<()> {
    say(&mut stream, "* OK fake\r\n").await?;
    let (mut user, mut mailbox) = (String::new(), String::new());
    loop {
        let text = line(&mut stream).await?.replace('"', "");
        let words: Vec<&str> = text.split(' ').collect();
        let tag = words[0];
        match words[1] {
            "LOGIN" => user = words[2].to_owned(),
            "SELECT" | "EXAMINE" => mailbox = words[2].to_owned(),
            _ => {}
        }
        let said = match words[1..] {
            ["APPEND", to, ref flags @ .., size] => {
                say(&mut stream, "+ go\r\n").await?;
                let size: usize = size.trim_matches(['~', '{', '}']).parse().ok()?;
                let mut bytes = vec![0; size + 2];
                stream.read_exact(&mut bytes).await.ok()?;
                bytes.truncate(size);
                let flags = flags.join(" ").trim_matches(['(', ')']).to_owned();
                let uid = store(&shared, &user, to, flags.split(' ').map(str::to_owned).collect(), bytes);
                format!("{tag} OK [APPENDUID 1 {uid}] done\r\n").into_bytes()
            }
            ["UID", "FETCH", .., "BINARY.PEEK[])"] => format!("{tag} BAD no\r\n").into_bytes(),
            _ => {
                let said = answer(&shared, (&user, &mailbox), &words[1..]);
                [said, format!("{tag} OK done\r\n").into_bytes()].concat()
            }
        };
        stream.get_mut().write_all(&said).await.ok()?;
    }
}

fn answer(shared: &Shared, (user, mailbox): (&str, &str), words: &[&str]) -> Vec<u8> {
    let key = |mailbox: &str| (user.to_owned(), mailbox.to_owned());
    let mut mail = shared.mail.lock();
    match words {
        ["CREATE", name] => {
            mail.entry(key(name)).or_default();
            Vec::new()
        }
        ["CAPABILITY"] => b"* CAPABILITY IMAP4rev1 BINARY\r\n".to_vec(),
        ["LIST", ..] => b"* LIST () \".\" INBOX\r\n* LIST () \".\" Archive\r\n".to_vec(),
        ["SELECT" | "EXAMINE", name] => {
            let (next, messages) = mail.entry(key(name)).or_default();
            format!(
                "* {} EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT {}] x\r\n",
                messages.len(),
                *next + 1
            )
            .into_bytes()
        }
        ["UID", "MOVE" | "COPY", uid, to] => {
            let taken =
                mail.entry(key(mailbox)).or_default().1.iter().find(|m| m.uid.to_string() == *uid).cloned();
            let Some(mut taken) = taken else { return Vec::new() };
            let (next, messages) = mail.entry(key(to)).or_default();
            *next += 1;
            taken.uid = *next;
            messages.push(taken);
            let code = format!("* OK [COPYUID 1 {uid} {next}] x\r\n");
            if words[1] == "MOVE" {
                mail.entry(key(mailbox)).or_default().1.retain(|m| m.uid.to_string() != *uid);
            }
            code.into_bytes()
        }
        ["UID", rest @ ..] => in_mailbox(&mut mail.entry(key(mailbox)).or_default().1, rest),
        _ => Vec::new(),
    }
}

fn in_mailbox(messages: &mut Vec<Stored>, words: &[&str]) -> Vec<u8> {
    match words {
        ["SEARCH", rest @ ..] => {
            let sought = rest.get(2).copied().unwrap_or_default();
            let hits = messages.iter().filter(|m| String::from_utf8_lossy(&m.bytes).contains(sought));
            let hits: String = hits.map(|m| format!(" {}", m.uid)).collect();
            format!("* SEARCH{hits}\r\n").into_bytes()
        }
        ["FETCH", set, rest @ ..] => {
            let header = rest.last().is_some_and(|w| w.contains("HEADER"));
            let wanted: Vec<&str> = set.split(',').collect();
            let hits = messages.iter().filter(|m| wanted.contains(&m.uid.to_string().as_str()));
            let shown = |m: &Stored| if m.broken { b"* 1 FETCH (\r\n".to_vec() } else { fetched(m, header) };
            hits.flat_map(shown).collect()
        }
        ["STORE", uid, sign, flags] => {
            let flag = flags.trim_matches(['(', ')']).to_owned();
            for m in messages.iter_mut().filter(|m| m.uid.to_string() == *uid) {
                m.flags.retain(|f| *f != flag);
                if sign.starts_with('+') {
                    m.flags.push(flag.clone());
                }
            }
            Vec::new()
        }
        ["EXPUNGE", uid] => {
            messages.retain(|m| m.uid.to_string() != *uid);
            Vec::new()
        }
        _ => Vec::new(),
    }
}

fn fetched(m: &Stored, header: bool) -> Vec<u8> {
    let end_of_header =
        m.bytes.windows(4).position(|four| four == b"\r\n\r\n").map_or(m.bytes.len(), |at| at + 4);
    let (name, body) = match header {
        true => ("BODY[HEADER]", &m.bytes[..end_of_header]),
        false => ("BODY[]", &m.bytes[..]),
    };
    let (uid, flags, length) = (m.uid, m.flags.join(" "), body.len());
    let said = format!(
        "* 1 FETCH (UID {uid} FLAGS ({flags}) RFC822.SIZE 9 INTERNALDATE \"x\" {name} {{{length}}}\r\n"
    );
    [said.as_bytes(), body, b")\r\n"].concat()
}
