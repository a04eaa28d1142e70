//! Lists: addresses that the mail server delivers to several users.

use crate::history::UserId;

/// More of them show nothing more.
const MOST: u32 = 8;

/// An address and those who get what is sent there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    pub name: String,
    /// Two at least.
    pub members: Vec<UserId>,
}

/// `list1`, `list2` and so on, of two to five users each; none where there are no two users.
pub fn lists(users: u32) -> Vec<List> {
    if users < 2 {
        return Vec::new();
    }
    let list = |n: u32| {
        let members = (0..(2 + n % 4).min(users)).map(|next| UserId((n + next) % users));
        List { name: format!("list{}", n + 1), members: members.collect() }
    };
    (0..users.min(MOST)).map(list).collect()
}

impl List {
    /// `list1=user1@example.test,user2@example.test`.
    pub fn written(&self, users: &[String], domain: &str) -> String {
        let address = |user: &UserId| format!("{}@{domain}", users[user.0 as usize]);
        let members: Vec<String> = self.members.iter().map(address).collect();
        format!("{}={}", self.name, members.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_on_a_list_twice_and_each_has_two_members_at_least() {
        assert!(lists(0).is_empty() && lists(1).is_empty());
        for users in [2, 3, 8, 100] {
            for list in lists(users) {
                let apart: std::collections::BTreeSet<_> = list.members.iter().collect();
                assert!(apart.len() == list.members.len() && apart.len() >= 2, "{users}: {list:?}");
            }
        }
        let users: Vec<String> = (1..=3).map(|n| format!("user{n}")).collect();
        let written: Vec<_> = lists(3).iter().map(|list| list.written(&users, "x.test")).collect();
        insta::assert_snapshot!(written.join("\n"), @r"
        list1=user1@x.test,user2@x.test
        list2=user2@x.test,user3@x.test,user1@x.test
        list3=user3@x.test,user1@x.test,user2@x.test
        ");
    }
}
