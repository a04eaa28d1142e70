//! Whose mail is copied, and how much it is: known before anything is written.

use super::asked::OwnMail;
use super::links::leads_out;
use crate::exit::{NoSuch, Refused};
use crate::mail::inventory::template::Place;
use anyhow::{Context, Result};
use nix::sys::statvfs::statvfs;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use record::plan::quoted;
use reports::kit::figures::{bytes, counted, duration};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

/// What a file of any length takes at the least, on most file systems.
const BLOCK: u64 = 4096;
/// Of what is free, so much is left.
const SPARE: u64 = 64 << 20;
/// Mail is read and written about so fast: a guess, on the slow side.
const BYTES_PER_S: f64 = 40e6;
/// Files a second, likewise.
const FILES_PER_S: f64 = 3_000.0;
/// It is copied, read, moved and read again.
const PASSES: f64 = 4.0;

#[derive(Debug)]
pub(crate) struct Sample {
    pub(super) users: Vec<Place>,
    /// Users whose mail is there.
    pub(super) there: u64,
    files: u64,
    bytes: u64,
}

impl Sample {
    /// Of `most` users, drawn by the seed; of all, if there are no more.
    ///
    /// # Errors
    /// Nobody's mail is there, or it cannot be looked at.
    pub(in crate::campaign::rehearse) fn draw(
        mail: &OwnMail,
        most: Option<u32>,
        seed: u64,
    ) -> Result<Sample> {
        let all = mail.store.users().with_context(|| format!("--mail maildir:{}", mail.store))?;
        if all.is_empty() {
            return Err(NoSuch(format!("--mail maildir:{}: no user's mail is there", mail.store)).into());
        }
        let there = all.len();
        let most = most.map_or(there, |most| there.min(most as usize));
        let mut drawn =
            rand::seq::index::sample(&mut ChaCha8Rng::seed_from_u64(seed), there, most).into_vec();
        drawn.sort_unstable();
        let users: Vec<Place> = drawn.into_iter().map(|user| all[user].clone()).collect();
        let mut sample = Sample { users, there: there as u64, files: 0, bytes: 0 };
        for user in &sample.users {
            let (files, bytes) = size(&user.path).with_context(|| format!("the mail of {}", user.user))?;
            (sample.files, sample.bytes) = (sample.files + files, sample.bytes + bytes);
        }
        Ok(sample)
    }

    /// Whether both copies find room, each on its disk.
    ///
    /// # Errors
    /// One does not, in words for the user.
    pub(in crate::campaign::rehearse) fn fits(&self, source: &Path, destination: &Path) -> Result<()> {
        let same = fs::metadata(source)?.dev() == fs::metadata(destination)?.dev();
        let needed = if same { self.bytes * 2 } else { self.bytes };
        for (option, disk) in [("--source", source), ("--destination", destination)] {
            let free = free(disk)?;
            anyhow::ensure!(
                needed.saturating_add(SPARE) <= free,
                "{option} {}: the copies of your mail need {}, and {} is free; remove something, or give fewer --users",
                disk.display(),
                bytes(needed as f64),
                bytes(free as f64)
            );
        }
        Ok(())
    }

    /// What a user is told before it begins.
    pub(in crate::campaign::rehearse) fn told(&self, source: &Path, destination: &Path) -> String {
        let disk = |name: &str, disk: &Path| {
            let free =
                free(disk).map_or_else(|_| String::new(), |free| format!("; {} is free", bytes(free as f64)));
            format!(
                "{name} disk, {}: {} of it{free}",
                quoted(&disk.display().to_string()),
                bytes(self.bytes as f64)
            )
        };
        format!(
            "your own mail: {} of {}, {}, about {} if your mover is as fast as a copy\n{}\n{}",
            counted(self.users.len() as u64, "user", "users"),
            reports::kit::figures::grouped(self.there),
            counted(self.files, "file", "files"),
            duration(self.takes().as_secs_f64()),
            disk("old", source),
            disk("new", destination)
        )
    }

    pub(in crate::campaign::rehearse) fn takes(&self) -> Duration {
        let once = self.bytes as f64 / BYTES_PER_S + self.files as f64 / FILES_PER_S;
        Duration::from_secs_f64(once * PASSES)
    }
}

fn free(disk: &Path) -> Result<u64> {
    let disk = statvfs(disk).with_context(|| format!("cannot look at {}", disk.display()))?;
    Ok(disk.blocks_available() * disk.fragment_size())
}

/// Files of a user's mail, and what they take. What goes away meanwhile is not counted.
///
/// # Errors
/// Something cannot be read, or is a link that [leads out](leads_out).
pub(super) fn size(mail: &Path) -> Result<(u64, u64)> {
    let (mut files, mut bytes) = (0, 0);
    let mut left = vec![mail.to_owned()];
    while let Some(directory) = left.pop() {
        bytes += BLOCK;
        let cannot = || format!("cannot read {}", directory.display());
        for entry in gone_is_none(fs::read_dir(&directory)).with_context(cannot)?.into_iter().flatten() {
            let path = entry.with_context(cannot)?.path();
            let Some(about) = gone_is_none(fs::symlink_metadata(&path)).with_context(cannot)? else {
                continue;
            };
            if about.is_dir() {
                left.push(path);
                continue;
            }
            if about.is_symlink()
                && let Some(target) = gone_is_none(leads_out(mail, &path))?.flatten()
            {
                return Err(Refused(out(&path, &target)).into());
            }
            (files, bytes) = (files + 1, bytes + about.len().next_multiple_of(BLOCK));
        }
    }
    Ok((files, bytes))
}

fn out(link: &Path, target: &Path) -> String {
    format!(
        "{} leads out of the user's mail, to {}, and would lead there from a copy too; put what it names in its place (a bind \
         mount will do), or rehearse other users",
        link.display(),
        target.display()
    )
}

fn gone_is_none<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::rehearse::own_mail::asked::USUAL_LIMIT;

    fn mail(place: &Path) -> OwnMail {
        for user in 0..20 {
            let cur = place.join(format!("user{user}/Maildir/cur"));
            fs::create_dir_all(&cur).expect("made");
            fs::write(cur.join("1:2,S"), "x".repeat(5_000)).expect("written");
        }
        let store = format!("maildir:{}/%u/Maildir", place.display());
        OwnMail::asked(&store, "rsync -a {from}/ {to}/", USUAL_LIMIT, Vec::new()).expect("fine")
    }

    fn names(sample: &Sample) -> Vec<&str> {
        sample.users.iter().map(|place| place.user.as_str()).collect()
    }

    #[test]
    fn a_sample_is_the_same_for_the_same_seed_and_never_more_than_there_is() {
        let place = tempfile::tempdir().expect("a directory");
        let mail = mail(place.path());
        let draw = |most, seed| Sample::draw(&mail, most, seed).expect("drawn");
        assert_eq!(names(&draw(Some(5), 1)), names(&draw(Some(5), 1)));
        assert_ne!(names(&draw(Some(5), 1)), names(&draw(Some(5), 2)));
        assert_eq!((draw(Some(50), 1).users.len(), draw(None, 1).users.len()), (20, 20));
        let one = draw(Some(1), 1);
        assert_eq!((one.files, one.bytes, one.there), (1, 2 * 4_096 + 8_192, 20));
    }

    #[test]
    fn what_does_not_fit_is_not_begun() {
        let place = tempfile::tempdir().expect("a directory");
        let sample = Sample { users: Vec::new(), there: 1, files: 1, bytes: u64::MAX / 4 };
        let said = sample.fits(place.path(), place.path()).expect_err("no disk is so large").to_string();
        assert!(
            said.starts_with("--source ")
                && said.contains("is free; remove something, or give fewer --users"),
            "{said}"
        );
        let small = Sample { bytes: 1, ..sample };
        small.fits(place.path(), place.path()).expect("it fits");
    }
}
