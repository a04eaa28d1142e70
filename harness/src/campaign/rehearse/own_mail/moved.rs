//! Mail that is there, copied, moved by the user's mover, and each user's before and after. The mail itself is only read.

use super::asked::OwnMail;
use super::mover::{self, NotMoved, Ran, Ways};
use super::sample::{self, Sample};
use crate::campaign::compare_stores::{Asked, compare};
use crate::campaign::rehearse::done::NoResult;
use crate::campaign::rehearse::going_on::newest;
use crate::campaign::write_whole::write_whole;
use crate::machine::copy_tree::copy_living_tree;
use crate::machine::stop;
use crate::mail::inventory::source::{Access, Source};
use crate::mail::inventory::take::{self, Unfinished};
use crate::mail::inventory::taking::Stopped;
use crate::mail::inventory::template::{Place, Template};
use crate::run::backing;
use anyhow::{Context, Result};
use reports::kit::figures::counted;
use reports::kit::inert::inert;
use reports::kit::json::to_json;
use reports::rehearsal;
use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

/// Name of the part, of its directory, and of the copies on both disks.
pub(in crate::campaign::rehearse) const NAME: &str = "mail";
pub(in crate::campaign::rehearse) const ABOUT: &str =
    "Mail that is there is copied, and your mover moves the copy.";
/// How much of each kind is named.
pub(in crate::campaign::rehearse) const NAMED: u64 = 1_000;

/// What it came to, in its directory.
const RESULT: &str = "moved.json";

/// Where the part works, in directories of its own: what an interrupted one left is in nobody's way.
pub(in crate::campaign::rehearse) struct Rooms {
    /// For the copies, on the old disk and on the new one.
    disks: [PathBuf; 2],
    /// For inventories and what the mover says.
    directory: PathBuf,
}

impl Rooms {
    /// # Errors
    /// No directory can be made.
    pub(in crate::campaign::rehearse) fn new(rehearsal: &Path, disks: [&Path; 2]) -> Result<Rooms> {
        let [old, new] = disks.map(|disk| backing::on(disk, NAME));
        Ok(Rooms { disks: [old?, new?], directory: backing::on(rehearsal, NAME)? })
    }
}

/// What it came to before the rehearsal was interrupted, if it was done, and where.
pub(in crate::campaign::rehearse) fn before(rehearsal: &Path) -> Option<Moved> {
    let directory = newest(rehearsal, NAME)?;
    let text = fs::read_to_string(directory.join(RESULT)).ok()?;
    Some(Moved { mail: serde_json::from_str(&text).ok()?, directory })
}

/// Mail that was moved, and the directory that says how.
#[derive(Clone, Debug)]
pub(in crate::campaign::rehearse) struct Moved {
    pub(in crate::campaign::rehearse) mail: rehearsal::OwnMail,
    pub(in crate::campaign::rehearse) directory: PathBuf,
}

/// Does it all; `None` if a signal came.
pub(in crate::campaign::rehearse) fn moved(
    mail: &OwnMail,
    sample: &Sample,
    rooms: &Rooms,
) -> Result<Option<Moved>, NoResult> {
    match done(mail, sample, rooms) {
        Ok(mail) => Ok(Some(Moved { mail, directory: rooms.directory.clone() })),
        Err(NotMoved::Interrupted) => Ok(None),
        Err(why) => Err(NoResult(format!("It came to no result: {}", inert(&why.to_string())))),
    }
}

fn done(mail: &OwnMail, sample: &Sample, rooms: &Rooms) -> Result<rehearsal::OwnMail, NotMoved> {
    let tops = &rooms.disks;
    let [from, to] = tops.each_ref().map(|top| mail.store.beneath(top));
    let per_user = mail.mover.names("user");
    let gone = copies(mail, sample, &from, &tops[0])?;
    alike(&mail.store.top(), &tops[1])?;
    if per_user {
        sample.users.iter().try_for_each(|user| above(user, &to, &tops[1]).map(drop))?;
    }
    let [before, after] = ["before", "after"].map(|name| rooms.directory.join(format!("{name}.inventory")));
    inventory(&from, &before)?;
    if !mover::can_be_kept(mail) {
        let top = mail.store.top();
        crate::exit::tell!(
            "  note: the mover could change the mail itself: only root can keep {} from it",
            top.display()
        );
    }
    let log = rooms.directory.join("mover.log");
    let ways = Ways { from: &from, to: &to, tops: tops.each_ref().map(PathBuf::as_path), log };
    let ran = mover::run(mail, sample, &ways)?;
    inventory(&to, &after)?;
    let moved = told(mail, sample, gone, &ran, [&before, &after])?;
    write_whole(&rooms.directory.join(RESULT), to_json(&moved).as_bytes())?;
    Ok(moved)
}

fn told(
    mail: &OwnMail,
    sample: &Sample,
    gone: u64,
    ran: &Ran,
    sides: [&Path; 2],
) -> Result<rehearsal::OwnMail, NotMoved> {
    let [a, b] = sides.map(|side| side.display().to_string());
    let accepted = mail.accepted.clone();
    let asked = Asked { a, b, users: None, users_b: None, access: Access::default(), accepted, most: NAMED };
    Ok(rehearsal::OwnMail {
        store: mail.store.to_string(),
        users: sample.users.len() as u64,
        users_there: sample.there,
        gone_while_copied: gone,
        mover: mail.mover.text().to_owned(),
        times: ran.times,
        failed: !ran.failed.is_empty(),
        ended: ran.ended(),
        took_ms: ran.took.as_millis() as u64,
        stores: compare(&asked)?,
    })
}

/// Every user's mail as it is; how many files went away meanwhile.
fn copies(mail: &OwnMail, sample: &Sample, from: &Template, top: &Path) -> Result<u64, NotMoved> {
    alike(&mail.store.top(), top)?;
    let mut gone = 0;
    for user in &sample.users {
        if stop::requested() {
            return Err(NotMoved::Interrupted);
        }
        let to = above(user, from, top)?;
        gone += copy_living_tree(&user.path, &to)
            .with_context(|| format!("the mail of {} cannot be copied to {}", user.user, to.display()))?;
        // What the mover is given is looked at once more: the mail itself may have changed since.
        sample::size(&to)?;
    }
    crate::exit::tell!("  copied {}", counted(sample.users.len() as u64, "user", "users"));
    Ok(gone)
}

/// Where a user's mail is to lie; the directories above it are made as those of the mail itself are.
fn above(user: &Place, template: &Template, top: &Path) -> Result<PathBuf> {
    let path = template.of(&user.user);
    let path = path.with_context(|| format!("{}: the name is no part of a path", user.user))?;
    let pairs: Vec<(&Path, &Path)> = path
        .ancestors()
        .skip(1)
        .zip(user.path.ancestors().skip(1))
        .take_while(|(made, _)| *made != top && made.starts_with(top))
        .collect();
    pairs.into_iter().rev().filter(|(made, _)| !made.is_dir()).try_for_each(|(made, of)| like(of, made))?;
    Ok(path)
}

/// A new directory with owner and mode of another.
fn like(of: &Path, made: &Path) -> Result<()> {
    let cannot = || format!("cannot make {}", made.display());
    fs::DirBuilder::new().mode(0o700).create(made).with_context(cannot)?;
    alike(of, made)
}

/// Owner and mode are those of another.
fn alike(of: &Path, made: &Path) -> Result<()> {
    let cannot = || format!("{} cannot be made like {}", made.display(), of.display());
    let about = fs::metadata(of).with_context(cannot)?;
    chown(made, Some(about.uid()), Some(about.gid())).with_context(cannot)?;
    fs::set_permissions(made, fs::Permissions::from_mode(about.mode() & 0o7777)).with_context(cannot)
}

fn inventory(of: &Template, to: &Path) -> Result<(), NotMoved> {
    let source = Source::Maildir(of.clone());
    let asked = take::Asked { source: &source, users: None, to, quiet: true, may_be_empty: true };
    match take::take(&asked) {
        Ok(_) => Ok(()),
        Err(error) => Err(match error.downcast::<Unfinished>() {
            Ok(Unfinished { why: Stopped::Interrupted, .. }) => NotMoved::Interrupted,
            Ok(other) => NotMoved::Machine(other.into()),
            Err(other) => NotMoved::Machine(other),
        }),
    }
}
