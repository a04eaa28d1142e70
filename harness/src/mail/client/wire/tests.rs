//! What goes over a secured connection, and what does not.

use super::*;
use crate::mail::client::credentials::Credentials;
use crate::mail::client::imap::Session;
use crate::mail::client::submission::{Door, submit};
use rcgen::{CertificateParams, KeyPair};
use record::history::Protocol;
use record::plan::server::tls::{Channel, Trust};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::path::Path;
use std::sync::Arc;
use tokio::io::AsyncRead;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

const LIMIT: Duration = Duration::from_secs(20);

/// A server's certificate, which is its own authority.
struct Identity {
    pem: String,
    acceptor: TlsAcceptor,
}

impl Identity {
    fn of(name: &str) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let certificate = params.self_signed(&key).expect("a certificate");
        let private = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions");
        let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], private);
        let acceptor = TlsAcceptor::from(Arc::new(config.expect("they belong together")));
        Identity { pem: certificate.pem(), acceptor }
    }

    fn endpoint(&self, address: &str, channel: Channel) -> Endpoint {
        let place = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(place.path(), &self.pem).expect("written");
        trusting(address, channel, &Trust::Authorities(place.path().to_owned()))
    }
}

fn trusting(address: &str, channel: Channel, trust: &Trust) -> Endpoint {
    Endpoint::secured(
        address,
        channel,
        Arc::new(Secure::by(trust, "127.0.0.1").expect("it can be trusted so")),
    )
}

/// What a server says before TLS, what it hears in the clear, and what it hears after.
struct Heard {
    address: String,
    clear: JoinHandle<(String, String)>,
}

/// Says and hears in turns: `clear` before the handshake, `secret` after it; each thing heard ends with a line.
async fn serve(
    identity: &Identity,
    clear: &'static [&'static str],
    secret: &'static [&'static str],
) -> Heard {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    let acceptor = identity.acceptor.clone();
    let clear = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let mut open = String::new();
        for (n, words) in clear.iter().enumerate() {
            if n > 0 {
                open += &line(&mut stream).await;
            }
            stream.write_all(words.as_bytes()).await.expect("said");
        }
        let Ok(mut stream) = acceptor.accept(stream).await else { return (open, String::new()) };
        let mut hidden = String::new();
        for words in secret {
            if !words.starts_with(['*', '2']) || !hidden.is_empty() || !open.is_empty() {
                hidden += &line(&mut stream).await;
            }
            stream.write_all(words.as_bytes()).await.expect("said");
        }
        (open, hidden)
    });
    Heard { address, clear }
}

async fn line(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut heard = Vec::new();
    while !heard.ends_with(b"\n") {
        match stream.read_u8().await {
            Ok(byte) => heard.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(heard).expect("text")
}

fn anna() -> Credentials {
    Credentials::at_once("anna", "hidden")
}

#[tokio::test]
async fn imap_signs_in_inside_tls_alone() {
    let identity = Identity::of("127.0.0.1");
    let server = serve(&identity, &[], &["* OK hi\r\n", "f1 OK in\r\n"]).await;
    Session::login(&identity.endpoint(&server.address, Channel::Implicit), &anna(), LIMIT).await.expect("in");
    let (open, hidden) = server.clear.await.expect("as scripted");
    assert_eq!((open.as_str(), hidden.as_str()), ("", "f1 LOGIN \"anna\" \"hidden\"\r\n"));
    let server = serve(&identity, &["* OK hi\r\n", "f1 OK begin\r\n"], &["f2 OK in\r\n"]).await;
    Session::login(&identity.endpoint(&server.address, Channel::Starttls), &anna(), LIMIT).await.expect("in");
    let (open, hidden) = server.clear.await.expect("as scripted");
    assert_eq!((open.as_str(), hidden.as_str()), ("f1 STARTTLS\r\n", "f2 LOGIN \"anna\" \"hidden\"\r\n"));
}

/// Why nobody was signed in, and that no password was said in the clear.
async fn refused(
    identity: &Identity,
    trust: &Trust,
    channel: Channel,
    clear: &'static [&'static str],
) -> String {
    let server = serve(identity, clear, &[]).await;
    let refused = Session::login(&trusting(&server.address, channel, trust), &anna(), LIMIT).await;
    let failure = refused.err().expect("it is not safe");
    let (open, _) = server.clear.await.expect("as scripted");
    assert_eq!((failure.trouble, open.contains("hidden")), (Trouble::Insecure, false));
    failure.reply.unwrap_or_default()
}

#[tokio::test]
async fn nothing_is_said_to_a_server_that_is_not_known_to_be_the_one() {
    let (identity, other) = (Identity::of("127.0.0.1"), Identity::of("mail.example.it"));
    let own = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(own.path(), format!("{}{}", identity.pem, other.pem)).expect("written");
    let both = Trust::Authorities(own.path().to_owned());
    let said = refused(&identity, &Trust::Machine, Channel::Implicit, &[]).await;
    assert!(
        said.starts_with("its certificate is not trusted: no known authority issued it; it is sha256:"),
        "{said}"
    );
    let said = refused(&other, &both, Channel::Implicit, &[]).await;
    assert!(said.starts_with("its certificate is not trusted: it is for another name"), "{said}");
    let pin = Trust::Pinned(vec!["00".repeat(32).parse().expect("a fingerprint")]);
    let said = refused(&identity, &pin, Channel::Starttls, &["* OK hi\r\n", "f1 OK begin\r\n"]).await;
    assert!(
        said.starts_with("its certificate is not trusted: it is not the pinned one; it is sha256:"),
        "{said}"
    );
    let shown = said.split("sha256:").nth(1).and_then(|rest| rest.split(':').next()).expect("it is shown");
    let pin = Trust::Pinned(vec![shown.parse().expect("a fingerprint")]);
    for trust in [pin, Trust::Nobody, both] {
        let server = serve(&identity, &[], &["* OK hi\r\n", "f1 OK in\r\n"]).await;
        Session::login(&trusting(&server.address, Channel::Implicit, &trust), &anna(), LIMIT)
            .await
            .expect("in");
    }
}

#[tokio::test]
async fn whoever_is_on_the_way_cannot_talk_a_client_out_of_tls() {
    let identity = Identity::of("127.0.0.1");
    let mut said = Vec::new();
    for clear in [
        &["* OK hi\r\n", "f1 BAD what\r\n"][..],
        &["* PREAUTH hi\r\n"],
        &["* OK hi\r\n", "f1 OK begin\r\n* 1 EXISTS\r\n"],
    ] {
        said.push(refused(&identity, &Trust::Nobody, Channel::Starttls, clear).await);
    }
    said.push(refused(&identity, &Trust::Nobody, Channel::Implicit, &["* OK this is no TLS\r\n"]).await);
    insta::assert_snapshot!(said.join("\n"), @r"
    the server refuses STARTTLS; nothing more was said on the open connection: what
    the server has let us in before STARTTLS, and cannot secure the connection any more
    something was said between the agreement to STARTTLS and TLS: somebody may be on the way
    it does not speak TLS here; is this the right port, or is STARTTLS wanted?
    ");
}

#[tokio::test]
async fn mail_and_sign_in_go_inside_tls_alone() {
    let identity = Identity::of("127.0.0.1");
    let clear = &["220 hi\r\n", "250-x\r\n250-STARTTLS\r\n250 AUTH LOGIN\r\n", "220 begin\r\n"];
    let secret = &[
        "250-x\r\n250 AUTH PLAIN\r\n",
        "235 in\r\n",
        "250 ok\r\n",
        "250 ok\r\n",
        "354 go\r\n",
        "",
        "250 stored\r\n",
    ];
    let server = serve(&identity, clear, secret).await;
    let endpoint = identity.endpoint(&server.address, Channel::Starttls);
    let who = anna();
    let door = Door { protocol: Protocol::Smtp, endpoint: &endpoint, who: Some(&who) };
    let done = submit(door, ("s@x", "u@x"), b"A: b\r\n", LIMIT).await;
    assert_eq!(done, Ok("250 stored".to_owned()));
    let (open, hidden) = server.clear.await.expect("as scripted");
    assert_eq!(open, "EHLO fermoposta.invalid\r\nSTARTTLS\r\n");
    assert_eq!(
        hidden,
        "EHLO fermoposta.invalid\r\nAUTH PLAIN AGFubmEAaGlkZGVu\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@x>\r\nDATA\r\nA: b\r\n.\r\n"
    );
    let server = serve(&identity, &["220 hi\r\n", "250 x\r\n"], &[]).await;
    let endpoint = identity.endpoint(&server.address, Channel::Starttls);
    let door = Door { endpoint: &endpoint, ..door };
    let refused = submit(door, ("s@x", "u@x"), b"A: b\r\n", LIMIT).await.expect_err("it is not safe");
    insta::assert_snapshot!(refused.reply.unwrap_or_default(), @"STARTTLS is not offered; nothing more was said on the open connection");
}

#[tokio::test]
async fn what_tls_holds_back_counts_as_taken() {
    let identity = Identity::of("127.0.0.1");
    let server = serve(&identity, &[], &["* OK hi\r\n"]).await;
    let mut wire =
        Wire::connect(&identity.endpoint(&server.address, Channel::Implicit), LIMIT).await.expect("in");
    assert_eq!(wire.line().await, Ok(b"* OK hi\r\n".to_vec()));
    let (open, _) = server.clear.await.expect("as scripted");
    assert!(open.is_empty());
    // Nobody reads any more: what is counted as taken is never less than what was.
    let (taken, trouble) = wire.send_counted(&vec![b'x'; 30_000_000]).await.expect_err("nobody reads");
    assert!(taken < 30_000_000 && trouble == Trouble::Disconnected, "{taken}");
}

#[test]
fn a_file_of_no_authorities_is_said() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let said = |path: &Path| {
        let error =
            Secure::by(&Trust::Authorities(path.to_owned()), "x").err().expect("it is none").to_string();
        error.replace(&path.display().to_string(), "FILE")
    };
    insta::assert_snapshot!(said(file.path()), @"the CA file FILE cannot be used: there is no certificate in it; name a file of certificates in PEM");
    insta::assert_snapshot!(said(Path::new("/nowhere.pem")), @"the CA file FILE cannot be used: No such file or directory (os error 2); name a file of certificates in PEM");
    let error = Secure::by(&Trust::Nobody, "no name").err().expect("it is none").to_string();
    insta::assert_snapshot!(error, @"`no name` is no name that a certificate can be for: invalid dns name");
}
