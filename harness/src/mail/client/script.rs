//! A server that follows a script, for tests of the clients.

use crate::tls::endpoint::Endpoint;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// One line of the script. At its end the connection is closed.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Say(&'static str),
    /// Reads exactly this.
    Hear(&'static str),
    /// Reads a command line `TAG rest`, and keeps the tag.
    Command(&'static str),
    /// Sends this after the last tag and a space.
    Tagged(&'static str),
    Close,
    /// Neither reads nor writes until the client is gone.
    Stall,
}

/// The running script.
pub(crate) struct Script {
    pub(crate) address: String,
    task: JoinHandle<()>,
}

impl Script {
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::plain(&self.address)
    }

    /// Waits until the script has been played; fails if the client did not play along.
    pub(crate) async fn finished(self) {
        tokio::time::timeout(Duration::from_secs(10), self.task)
            .await
            .expect("script ends")
            .expect("as scripted");
    }
}

pub(crate) async fn serve(acts: Vec<Act>) -> Script {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        play(stream, acts).await;
    });
    Script { address, task }
}

async fn play(mut stream: TcpStream, acts: Vec<Act>) {
    let mut tag = String::new();
    for act in acts {
        match act {
            Act::Say(text) => stream.write_all(text.as_bytes()).await.expect("sent"),
            Act::Tagged(text) => stream.write_all(format!("{tag} {text}").as_bytes()).await.expect("sent"),
            Act::Hear(text) => assert_eq!(hear(&mut stream, text.len()).await, text),
            Act::Command(text) => {
                let line = command(&mut stream).await;
                let (said, rest) = line.split_once(' ').expect("a tag");
                assert_eq!(rest, text);
                tag = said.to_owned();
            }
            Act::Close => return,
            Act::Stall => tokio::time::sleep(Duration::from_millis(900)).await,
        }
    }
}

async fn hear(stream: &mut TcpStream, count: usize) -> String {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes).await.expect("the client speaks");
    String::from_utf8(bytes).expect("text")
}

async fn command(stream: &mut TcpStream) -> String {
    let mut line = String::new();
    while !line.ends_with("\r\n") {
        line.push(char::from(stream.read_u8().await.expect("the client speaks")));
    }
    line.truncate(line.len() - 2);
    line
}
