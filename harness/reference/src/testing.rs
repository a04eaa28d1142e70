//! The reference server's IMAP within a test's own process, with mailboxes that hang on demand.

use crate::listen;

use std::path::PathBuf;

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use crate::defect::Defects;
use crate::files::Disk;
use crate::listen::{Protocol, serve};
use crate::store::Store;

/// The server. Its listener lives as long as the process.
pub struct InProcess {
    /// Where it listens for IMAP; the password is `secret`.
    pub imap: String,
    store: Arc<Store>,
    _root: tempfile::TempDir,
}

/// INBOXes that hang until this is dropped.
pub struct Hang {
    _go_on: Vec<Sender<()>>,
}

impl InProcess {
    pub fn start() -> InProcess {
        let root = tempfile::tempdir().expect("temp dir");
        let store = Arc::new(Store::new(root.path().to_owned(), Arc::new(Disk), Defects::default()));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let imap = listener.local_addr().expect("bound").to_string();
        let served = store.clone();
        std::thread::spawn(move || serve(&listener, Protocol::Imap, &served, "secret"));
        InProcess { imap, store, _root: root }
    }

    /// Stores a message in a user's INBOX.
    pub fn deliver(&self, user: &str, bytes: &[u8]) {
        self.store.deliver(user, "INBOX", bytes, None, None).expect("stored");
    }

    /// UIDs and flags of a user's INBOX, in words.
    pub fn flags(&self, user: &str) -> Vec<(u32, String)> {
        let view = self.store.mailbox(user, "INBOX").view().expect("readable");
        view.messages.into_iter().map(|(uid, flags)| (uid, flags.imap())).collect()
    }

    /// From now on nothing that needs these INBOXes is answered.
    pub fn hang<'u>(&self, users: impl IntoIterator<Item = &'u str>) -> Hang {
        Hang { _go_on: users.into_iter().map(|user| self.hang_one(user)).collect() }
    }

    fn hang_one(&self, user: &str) -> Sender<()> {
        let mailbox = self.store.mailbox(user, "INBOX");
        let (go_on, wait) = channel();
        let (held, holds) = channel();
        std::thread::spawn(move || {
            let busy = || {
                held.send(()).map_err(std::io::Error::other)?;
                // It ends when the sender is dropped.
                let _ = wait.recv();
                Ok(())
            };
            mailbox.alone(busy).expect("the mailbox can be loaded");
        });
        holds.recv().expect("it holds");
        go_on
    }
}

/// Serves the store below `root` over LMTP and IMAP from threads that live as long as the process, for tests of what
/// stands before a server.
pub fn serve_in_threads(root: PathBuf, password: &'static str) -> Vec<(&'static str, String)> {
    let store = Arc::new(Store::new(root, Arc::new(Disk), Defects::new(&[])));
    let serve = |(name, protocol)| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound").to_string();
        let store = store.clone();
        std::thread::spawn(move || listen::serve(&listener, protocol, &store, password));
        (name, address)
    };
    [("lmtp", listen::Protocol::Lmtp), ("imap", listen::Protocol::Imap)].map(serve).to_vec()
}
