//! The users and groups that a server wants, as it alone sees them: the machine's, and those the machine lacks.

use std::collections::BTreeSet;

/// First id given to a user or group that the machine lacks.
const FIRST_ID: u32 = 61_000;

/// Whoever runs the program. Mail servers look themselves up, and a uid without a name is one that a container was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) user: String,
    pub(super) group: String,
}

impl Caller {
    /// With the machine's names for them, or names of their own.
    pub(super) fn of_this_process() -> Caller {
        let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
        let user = nix::unistd::User::from_uid(uid).ok().flatten().map(|user| user.name);
        let group = nix::unistd::Group::from_gid(gid).ok().flatten().map(|group| group.name);
        Caller {
            uid: uid.as_raw(),
            gid: gid.as_raw(),
            user: user.unwrap_or_else(|| format!("uid-{uid}")),
            group: group.unwrap_or_else(|| format!("gid-{gid}")),
        }
    }
}

/// Texts of `/etc/passwd` and `/etc/group`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Accounts {
    pub(super) passwd: String,
    pub(super) group: String,
}

impl Accounts {
    /// The machine's accounts and whatever of `users` and `groups` is missing. Each user has a group of its name.
    pub(super) fn with(self, users: &[String], groups: &[String]) -> Accounts {
        let Accounts { mut passwd, mut group } = self;
        for name in groups.iter().chain(users) {
            if id_of(&group, name).is_none() {
                let gid = free_id(&passwd, &group);
                group = appended(&group, &format!("{name}:x:{gid}:"));
            }
        }
        for name in users {
            if id_of(&passwd, name).is_none() {
                let gid = id_of(&group, name).expect("every user's group was made");
                let uid = free_id(&passwd, &group);
                passwd =
                    appended(&passwd, &format!("{name}:x:{uid}:{gid}:{name}:/nonexistent:/usr/sbin/nologin"));
            }
        }
        Accounts { passwd, group }
    }

    /// The machine's accounts, and the caller's where these tables lack it: a server cannot ask anybody else.
    pub(super) fn with_caller(self, caller: &Caller) -> Accounts {
        let Accounts { mut passwd, mut group } = self;
        let Caller { uid, gid, user, group: own_group } = caller;
        if !has_id(&group, *gid) {
            group = appended(&group, &format!("{own_group}:x:{gid}:"));
        }
        if !has_id(&passwd, *uid) {
            passwd =
                appended(&passwd, &format!("{user}:x:{uid}:{gid}:{user}:/nonexistent:/usr/sbin/nologin"));
        }
        Accounts { passwd, group }
    }

    /// Numeric ids of the user `name` and of the group of that name, or the user's own group.
    pub(super) fn ids(&self, name: &str) -> Option<(u32, u32)> {
        let uid = id_of(&self.passwd, name)?;
        let own = line_of(&self.passwd, name)?.split(':').nth(3)?.parse().ok()?;
        Some((uid, id_of(&self.group, name).unwrap_or(own)))
    }
}

fn line_of<'a>(table: &'a str, name: &str) -> Option<&'a str> {
    table.lines().find(|line| line.split(':').next() == Some(name))
}

fn id_of(table: &str, name: &str) -> Option<u32> {
    line_of(table, name)?.split(':').nth(2)?.parse().ok()
}

fn has_id(table: &str, id: u32) -> bool {
    table.lines().any(|line| line.split(':').nth(2).and_then(|found| found.parse().ok()) == Some(id))
}

/// The first id that neither table uses.
fn free_id(passwd: &str, group: &str) -> u32 {
    let ids = passwd.lines().chain(group.lines()).filter_map(|line| line.split(':').nth(2)?.parse().ok());
    let taken: BTreeSet<u32> = ids.collect();
    (FIRST_ID..).find(|id| !taken.contains(id)).expect("there are more ids than lines")
}

fn appended(table: &str, line: &str) -> String {
    let between = if table.is_empty() || table.ends_with('\n') { "" } else { "\n" };
    format!("{table}{between}{line}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn machine() -> Accounts {
        let passwd = "root:x:0:0:root:/root:/bin/sh\ncyrus:x:97:8:mail:/:/bin/false".to_owned();
        Accounts { passwd, group: "root:x:0:\nmail:x:8:\ntaken:x:61000:\n".to_owned() }
    }

    #[test]
    fn the_machines_accounts_win_and_missing_ones_get_free_ids() {
        let accounts = machine().with(&names(&["cyrus", "postfix"]), &names(&["postdrop", "mail"]));
        insta::assert_snapshot!(format!("{}--\n{}", accounts.passwd, accounts.group), @r#"
        root:x:0:0:root:/root:/bin/sh
        cyrus:x:97:8:mail:/:/bin/false
        postfix:x:61004:61003:postfix:/nonexistent:/usr/sbin/nologin
        --
        root:x:0:
        mail:x:8:
        taken:x:61000:
        postdrop:x:61001:
        cyrus:x:61002:
        postfix:x:61003:
        "#);
        assert_eq!(accounts.ids("root"), Some((0, 0)));
        assert_eq!(accounts.ids("nobody-at-all"), None);
    }

    #[test]
    fn no_two_missing_users_share_an_id() {
        let accounts = machine().with(&names(&["opensmtpd", "opensmtpq"]), &[]);
        assert_ne!(accounts.ids("opensmtpd"), accounts.ids("opensmtpq"));
    }

    #[test]
    fn a_caller_without_a_line_has_one_and_nobody_has_two() {
        let caller = Caller { uid: 54321, gid: 8, user: "uid-54321".to_owned(), group: "mail".to_owned() };
        let accounts = machine().with_caller(&caller);
        insta::assert_snapshot!(format!("{}--\n{}", accounts.passwd, accounts.group), @r#"
        root:x:0:0:root:/root:/bin/sh
        cyrus:x:97:8:mail:/:/bin/false
        uid-54321:x:54321:8:uid-54321:/nonexistent:/usr/sbin/nologin
        --
        root:x:0:
        mail:x:8:
        taken:x:61000:
        "#);
        assert_eq!(accounts.clone().with_caller(&caller), accounts);
    }
}
