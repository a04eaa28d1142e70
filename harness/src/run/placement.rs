//! Which storage is beneath each user's mail.
//!
//! Without cohorts the mail server's store is the mount of the target's storage. With cohorts it is a directory of the
//! run, on no storage, that holds a symbolic link for each user to `mail/USER` on the storage where the user is: the way
//! in which operators spread users over arrays. A user moves when its link is replaced, by a rename, so that there is no
//! moment without one.
//!
//! The links are the truth of who is where: they outlive the process.

use anyhow::{Context, Result, anyhow};
use record::directory::RunDirectory;
use record::history::UserId;
use record::plan::server::Owner;
use record::plan::{MAIL_VOLUME, Plan};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::{chown, symlink};
use std::path::{Path, PathBuf};

/// Where every user's mail is.
#[derive(Clone, Debug)]
pub(crate) struct Placement {
    /// What the mail server is told to be its store.
    store: PathBuf,
    /// The target's storage: where everybody is without cohorts, and whoever belongs to none.
    home: String,
    storages: BTreeMap<String, StorageRoots>,
    by_user: bool,
}

#[derive(Clone, Debug)]
struct StorageRoots {
    mountpoint: PathBuf,
    backing: PathBuf,
}

impl Placement {
    /// Of a plan's run; nothing is touched.
    pub(crate) fn of(plan: &Plan, directory: &RunDirectory, backings: &[(String, PathBuf)]) -> Placement {
        let place = |(name, backing): &(String, PathBuf)| {
            let place = StorageRoots { mountpoint: directory.mountpoint(name), backing: backing.clone() };
            (name.clone(), place)
        };
        let (home, by_user) = (plan.target.storage.clone(), !plan.cohorts.is_empty());
        let store = if by_user { directory.links() } else { directory.mountpoint(&home) };
        let held = |(name, _): &&(String, PathBuf)| plan.storages.get(name).is_none_or(|s| s.cache.is_none());
        Placement { store, home, storages: backings.iter().filter(held).map(place).collect(), by_user }
    }

    /// Before anything is mounted: makes every user's directory on its storage, and its link.
    pub(crate) fn prepare(&self, plan: &Plan) -> Result<()> {
        if !self.by_user {
            return Ok(());
        }
        std::fs::create_dir_all(&self.store)
            .with_context(|| format!("cannot make {}", self.store.display()))?;
        let owner = plan.target.definition.owner.filter(|_| nix::unistd::geteuid().is_root());
        for storage in self.storages.keys() {
            own(&self.volume(storage)?, owner)?;
        }
        own(&self.store, owner)?;
        let users: Vec<String> = plan.workload.user_names().collect();
        let name = |user: UserId| users.get(user.0 as usize);
        let placed = plan.cohorts.iter().flat_map(|cohort| {
            cohort.user_ids().filter_map(name).map(move |user| (user.as_str(), cohort.storage.as_str()))
        });
        let bounces = plan.workload.bounce_user().map(|user| (user, self.home.as_str()));
        for (user, storage) in placed.chain(bounces) {
            own(&self.volume(storage)?.join(user), owner)?;
            self.switch(user, storage)?;
        }
        Ok(())
    }

    /// Where the users' directories lie on the backing disk of a storage.
    fn volume(&self, storage: &str) -> Result<PathBuf> {
        Ok(self.place(storage)?.backing.join(MAIL_VOLUME))
    }

    fn place(&self, storage: &str) -> Result<&StorageRoots> {
        self.storages.get(storage).ok_or_else(|| anyhow!("there is no storage {storage}"))
    }

    /// What the mail server is told to be its store.
    pub(crate) fn store(&self) -> &Path {
        &self.store
    }

    /// The storage that a user is served from.
    pub(crate) fn storage_of(&self, user: &str) -> Result<String> {
        if !self.by_user {
            return Ok(self.home.clone());
        }
        let link = self.store.join(user);
        let to = std::fs::read_link(&link).with_context(|| format!("cannot read {}", link.display()))?;
        let found = self.storages.iter().find(|(_, place)| to.starts_with(&place.mountpoint));
        let found = found.map(|(name, _)| name.clone());
        found.ok_or_else(|| anyhow!("{} leads to {}, which is no storage", link.display(), to.display()))
    }

    /// The directory below which a user's own lies, on the backing disk.
    pub(crate) fn disk_root(&self, user: &str) -> Result<PathBuf> {
        let storage = self.storage_of(user)?;
        let backing = &self.place(&storage)?.backing;
        Ok(if self.by_user { backing.join(MAIL_VOLUME) } else { backing.clone() })
    }

    /// Storages that the user is not served from, with the directories below which a copy of its mail may lie.
    pub(crate) fn elsewhere(&self, user: &str) -> Result<Vec<(String, PathBuf)>> {
        let own = self.storage_of(user)?;
        let others = self.storages.iter().filter(|(name, _)| self.by_user && **name != own);
        let roots = others.map(|(name, place)| (name.clone(), place.backing.join(MAIL_VOLUME)));
        Ok(roots.filter(|(_, root)| root.join(user).is_dir()).collect())
    }

    /// A user's directory on a storage, through its mount.
    pub(crate) fn mounted(&self, user: &str, storage: &str) -> Result<PathBuf> {
        Ok(self.place(storage)?.mountpoint.join(MAIL_VOLUME).join(user))
    }

    /// A user's directory on a storage, on the backing disk.
    pub(crate) fn beneath(&self, user: &str, storage: &str) -> Result<PathBuf> {
        Ok(self.volume(storage)?.join(user))
    }

    /// From now on the user is served from `storage`; durable when this returns.
    pub(crate) fn switch(&self, user: &str, storage: &str) -> Result<()> {
        let (link, new) = (self.store.join(user), self.store.join(format!(".{user}.new")));
        let to = self.mounted(user, storage)?;
        let switched = symlink(&to, &new)
            .and_then(|()| std::fs::rename(&new, &link))
            .and_then(|()| File::open(&self.store)?.sync_all());
        switched.with_context(|| format!("cannot make {} lead to {}", link.display(), to.display()))
    }
}

/// Makes a directory, and gives it to the owner of the mail.
fn own(path: &Path, owner: Option<Owner>) -> Result<()> {
    std::fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))?;
    let Some(owner) = owner else { return Ok(()) };
    chown(path, Some(owner.uid), Some(owner.gid))
        .with_context(|| format!("cannot give {} to uid {}", path.display(), owner.uid))
}

#[cfg(test)]
pub(crate) mod tests {
    use record::synthetic;

    use super::*;
    use record::plan::CohortPlan;

    /// user1 and user2 on `old`, user3 on `new`; `third` is empty.
    pub(crate) fn placed() -> (tempfile::TempDir, Plan, Placement) {
        let place = tempfile::tempdir().expect("a directory");
        let directory = RunDirectory::existing(place.path());
        let backings: Vec<_> =
            ["new", "old", "third"].map(|name| (name.to_owned(), directory.backing(name))).to_vec();
        let mut plan = synthetic::plan();
        plan.target.storage = "old".to_owned();
        plan.workload.users = 3;
        let cohort = |name: &str, first, users, storage: &str| CohortPlan {
            name: name.to_owned(),
            first: UserId(first),
            users,
            storage: storage.to_owned(),
            own_entrance: false,
        };
        plan.cohorts = vec![cohort("a", 0, 2, "old"), cohort("b", 2, 1, "new")];
        let placement = Placement::of(&plan, &directory, &backings);
        placement.prepare(&plan).expect("prepared");
        (place, plan, placement)
    }

    #[test]
    fn everybody_begins_where_its_cohort_is_and_moves_by_its_link() {
        let (place, _plan, placement) = placed();
        let of = |user| placement.storage_of(user).expect("placed");
        assert_eq!(["user1", "user2", "user3"].map(of), ["old", "old", "new"]);
        assert!(place.path().join("storage/old/mail/user2").is_dir());
        assert!(place.path().join("storage/new/mail/user3").is_dir());
        placement.switch("user2", "new").expect("switched");
        assert_eq!(["user1", "user2", "user3"].map(of), ["old", "new", "new"]);
        let root = placement.disk_root("user2").expect("placed");
        assert_eq!(root, place.path().join("storage/new/mail"));
    }

    #[test]
    fn a_link_that_leads_astray_is_said() {
        let (place, _plan, placement) = placed();
        let link = place.path().join("links/user1");
        std::fs::remove_file(&link).expect("there");
        symlink("/elsewhere", &link).expect("made");
        let error = placement.storage_of("user1").expect_err("no storage").to_string();
        assert!(error.ends_with("/links/user1 leads to /elsewhere, which is no storage"), "{error}");
        assert!(placement.storage_of("nobody").is_err());
    }
}
