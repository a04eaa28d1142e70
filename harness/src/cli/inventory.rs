//! `inventory`: what a mail store holds now.

use super::access::AccessArgs;
use crate::exit::{Exit, NoSuch, say};
use crate::machine::stop;
use crate::mail::inventory::source::Source;
use crate::mail::inventory::take::{Asked, Unfinished, take};
use crate::mail::inventory::taking::Stopped;
use anyhow::Result;
use clap::Args;
use record::inventory::line::Closing;
use reports::kit::figures::{bytes, counted};
use std::path::{Path, PathBuf};

pub(crate) const EXIT_CODES: &str = "Exit codes: 0 all was read, 2 something could not be read, which the file names, 64 bad command line or list of users, 70 \
                                     the server went away or the file cannot be written, 130 interrupted; after 70 and 130 the same command goes on.";

#[derive(Debug, Args)]
pub(crate) struct InventoryArgs {
    /// What to read: imaps://HOST[:PORT] (TLS), imap+starttls://HOST[:PORT], imap://HOST[:PORT] (plain text), or maildir:PATH with %u for the user, or %n and %d for what stands before and behind
    /// the @.
    #[arg(value_name = "STORE")]
    source: String,
    /// The file to write. It must not be there.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Whose mail to read: a CSV file with the columns address, login, password, password_command and on_behalf_of, or a TOML file with [[user]]
    /// (default for directories: all that are there).
    #[arg(long, value_name = "LIST")]
    users: Option<PathBuf>,
    #[command(flatten)]
    access: AccessArgs,
    /// Show no progress.
    #[arg(long)]
    quiet: bool,
}

pub(crate) fn run(args: &InventoryArgs) -> Result<Exit> {
    stop::install()?;
    // Not by the command line's own reader, which repeats what it cannot read: a password may be in it.
    let source: Source = args.source.parse().map_err(NoSuch)?;
    let source = source.with_access(&args.access.access()?);
    let users = args.users.as_deref();
    let asked = Asked { source: &source, users, to: &args.to, quiet: args.quiet, may_be_empty: false };
    match take(&asked) {
        Ok(closing) => {
            say(words(&args.to, &closing))?;
            Ok(if closing.counts.unread == 0 { Exit::Valid } else { Exit::Unknown })
        }
        Err(error) => interrupted(error),
    }
}

/// An interruption is no failure.
pub(crate) fn interrupted(error: anyhow::Error) -> Result<Exit> {
    let why = error.downcast_ref::<Unfinished>().map(|unfinished| &unfinished.why);
    match why.or_else(|| error.downcast_ref::<Stopped>()) {
        Some(Stopped::Interrupted) => {
            crate::exit::tell!("{error:#}");
            Ok(Exit::Interrupted)
        }
        _ => Err(error),
    }
}

fn words(to: &Path, closing: &Closing) -> String {
    let counts = closing.counts;
    let read = format!(
        "{}, {}, {}, {}",
        counted(counts.users, "user", "users"),
        counted(counts.folders, "folder", "folders"),
        counted(counts.messages, "message", "messages"),
        bytes(counts.bytes as f64)
    );
    let place = to.display();
    let whole = match counts.unread {
        0 => "COMPLETE".to_owned(),
        n => format!(
            "INCOMPLETE  {} could not be read: grep '\"unread\"' {place}\n           ",
            counted(n, "mailbox, folder or message", "mailboxes, folders or messages")
        ),
    };
    format!("{whole}  {read}\n  {place}\n  BLAKE3 {}\n", closing.blake3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::inventory::line::Counts;

    #[test]
    fn what_could_not_be_read_is_said_first() {
        let closing = |unread| Closing {
            finished: jiff::Timestamp::UNIX_EPOCH,
            counts: Counts { users: 60, folders: 1, messages: 4_489, bytes: 337_000_000, unread },
            lines: 0,
            blake3: "0f".repeat(32),
        };
        let shown = [0, 1, 3].map(|unread| words(Path::new("old.inventory"), &closing(unread)));
        insta::assert_snapshot!(shown.join("\n"), @r#"
        COMPLETE  60 users, 1 folder, 4,489 messages, 337 MB
          old.inventory
          BLAKE3 0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f

        INCOMPLETE  1 mailbox, folder or message could not be read: grep '"unread"' old.inventory
                     60 users, 1 folder, 4,489 messages, 337 MB
          old.inventory
          BLAKE3 0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f

        INCOMPLETE  3 mailboxes, folders or messages could not be read: grep '"unread"' old.inventory
                     60 users, 1 folder, 4,489 messages, 337 MB
          old.inventory
          BLAKE3 0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f
        "#);
    }
}
