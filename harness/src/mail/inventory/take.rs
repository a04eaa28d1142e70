//! Takes an inventory into one file, which is there whole or not at all; until then it is `FILE.partial`.

use super::imap;
use super::maildir;
use super::pace::Pace;
use super::source::Source;
use super::taking::{Stopped, Taking};
use super::template::Template;
use crate::exit::{Misplaced, NoSuch, Refused, tell};
use crate::mail::users::{User, load};
use crate::tls::endpoint::Endpoint;
use anyhow::{Context, Result};
use jiff::Timestamp;
use record::inventory::line::{Closing, FORMAT, Header, Line, Users, VERSION};
use record::inventory::partial::{Reached, go_on};
use record::inventory::writer::Writer;
use record::plan::server::sign_in::Mechanism;
use std::fs::{File, OpenOptions};
use std::io::BufWriter;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What is to be taken.
#[derive(Clone, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) source: &'a Source,
    /// The list of users, if there is one.
    pub(crate) users: Option<&'a Path>,
    pub(crate) to: &'a Path,
    pub(crate) quiet: bool,
    /// Nobody's mail being there is what it holds, and no mistake in its name.
    pub(crate) may_be_empty: bool,
}

/// It did not come to its end. `partial` holds what was read.
#[derive(Debug, thiserror::Error)]
#[error("{why}; {} holds what was read, and the same command goes on from there", partial.display())]
pub(crate) struct Unfinished {
    pub(crate) why: Stopped,
    pub(crate) partial: PathBuf,
}

/// Reads it all, or what is left of it.
///
/// # Errors
/// [`Unfinished`]; or it was asked for in a way that cannot be.
pub(crate) fn take(asked: &Asked<'_>) -> Result<Closing> {
    if asked.to.exists() {
        let place = asked.to.display();
        return Err(Misplaced(format!(
            "{place} is there already, and no inventory is overwritten; name another file"
        ))
        .into());
    }
    let (known, users) = users(asked)?;
    let from = Ready::of(asked.source)?;
    asked.source.exposed().inspect(|how| tell!("note: {how}"));
    let partial = partial(asked.to);
    let (writer, reached) = begin(asked, known, &partial)?;
    if let Some(new) = users.iter().find(|user| reached.is_too_late_for(&user.address)) {
        let place = partial.display();
        let who = &new.address;
        return Err(Refused(format!(
            "{place}: {who} was not among the users when it was begun; remove it to begin anew"
        ))
        .into());
    }
    let mut taking = Taking::new(writer, reached, Pace::new(users.len() as u64, asked.quiet));
    if let Err(why) = read(&from, &users, &mut taking) {
        // The end that matters is told; what cannot be flushed is read again.
        let _ = taking.writer.flush();
        return Err(Unfinished { why, partial }.into());
    }
    let (closing, file) = taking.writer.close(Timestamp::now()).context("cannot write the inventory")?;
    let file = file.into_inner().context("cannot write the inventory")?;
    file.sync_all().with_context(|| format!("cannot write {}", partial.display()))?;
    std::fs::rename(&partial, asked.to).with_context(|| format!("cannot write {}", asked.to.display()))?;
    Ok(closing)
}

fn partial(to: &Path) -> PathBuf {
    let mut name = to.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}

/// Whom to read, and how they are known.
fn users(asked: &Asked<'_>) -> Result<(Users, Vec<User>)> {
    match (asked.users, asked.source) {
        (Some(list), _) => Ok((Users::Listed, load(list)?)),
        (None, Source::Maildir(template)) => {
            let all: Vec<User> = template
                .users()?
                .into_iter()
                .map(|place| User {
                    address: place.user.clone(),
                    login: place.user,
                    password: None,
                    on_behalf_of: None,
                })
                .collect();
            if all.is_empty() && !asked.may_be_empty {
                return Err(NoSuch(format!("{}: no user's mail is there", asked.source)).into());
            }
            Ok((Users::Found, all))
        }
        (None, Source::Imap(_)) => {
            Err(NoSuch(format!("{}: name a list of its users with --users", asked.source)).into())
        }
    }
}

/// A new file, or the end of one that is not finished.
fn begin(asked: &Asked<'_>, users: Users, partial: &Path) -> Result<(Writer<BufWriter<File>>, Reached)> {
    let place = partial.display();
    let open =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(partial);
    let file = open.with_context(|| format!("cannot write {place}"))?;
    if file.try_lock().is_err() {
        return Err(
            Refused(format!("{place}: another inventory is being written there; wait for its end")).into()
        );
    }
    let header = Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        source: asked.source.to_string(),
        users,
        started: Timestamp::now(),
    };
    if file.metadata()?.len() == 0 {
        let mut writer = Writer::new(BufWriter::new(file));
        writer.line(&Line::Header(header))?;
        writer.flush()?;
        return Ok((writer, Reached::default()));
    }
    let (begun, reached, mut writer) =
        go_on(file).map_err(|error| Refused(format!("{place} {error}; remove it to begin anew")))?;
    if (begun.source.as_str(), begun.users) != (header.source.as_str(), users) {
        let was = &begun.source;
        return Err(Refused(format!(
            "{place} was begun of {was}, otherwise than now; remove it, or name another file"
        ))
        .into());
    }
    tell!("going on with {place}, begun {}", begun.started);
    writer.line(&Line::Resumed(Timestamp::now()))?;
    Ok((writer, reached))
}

/// A source that is ready to be read.
enum Ready<'a> {
    Maildir(&'a Template),
    /// And how users sign in to it.
    Server(Endpoint, Mechanism),
}

impl Ready<'_> {
    fn of(source: &Source) -> Result<Ready<'_>> {
        match source {
            Source::Maildir(template) => Ok(Ready::Maildir(template)),
            Source::Imap(imap) => {
                let endpoint = imap.endpoint().map_err(|why| NoSuch(format!("{source}: {why}")))?;
                Ok(Ready::Server(endpoint, imap.sign_in()))
            }
        }
    }
}

fn read(from: &Ready<'_>, users: &[User], taking: &mut Taking) -> Result<(), Stopped> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for user in users {
        super::taking::goes_on()?;
        if taking.user(&user.address) {
            match from {
                Ready::Maildir(template) => maildir::read(template.of(&user.address), taking)?,
                Ready::Server(endpoint, how) => {
                    runtime.block_on(imap::read((endpoint, *how), user, taking))?
                }
            }
        }
        taking.user_done();
    }
    Ok(())
}
