//! The users and groups that a server wants, as it alone sees them: the machine's, and those the machine lacks.

use std::collections::BTreeSet;

/// First id given to a user or group that the machine lacks.
const FIRST_ID: u32 = 61_000;

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
}
