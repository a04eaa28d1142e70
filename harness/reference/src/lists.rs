//! Lists: names under which SMTP delivers to several users.

use std::collections::HashMap;
use std::str::FromStr;

/// Each list's users.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lists(HashMap<String, Vec<String>>);

impl Lists {
    /// The users of a list of this name.
    pub(crate) fn members(&self, name: &str) -> Option<&[String]> {
        self.0.get(name).map(Vec::as_slice)
    }
}

impl FromStr for Lists {
    type Err = BadList;

    /// `list1=user1@x,user2@x list2=user2@x`, or nothing.
    fn from_str(text: &str) -> Result<Lists, BadList> {
        let local = |address: &str| address.split('@').next().unwrap_or_default().to_owned();
        let list = |word: &str| {
            let (name, members) = word.split_once('=').ok_or_else(|| BadList(word.to_owned()))?;
            Ok((name.to_owned(), members.split(',').map(local).collect()))
        };
        text.split_whitespace().map(list).collect::<Result<_, _>>().map(Lists)
    }
}

/// Why a text is no [`Lists`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("list '{0}': expected NAME=USER,USER")]
pub struct BadList(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_users_without_their_domain() {
        let lists: Lists = "list1=user1@x,user2@x list2=user2".parse().unwrap();
        assert_eq!(lists.members("list1"), Some(&["user1".to_owned(), "user2".to_owned()][..]));
        assert_eq!((lists.members("list2").map(<[String]>::len), lists.members("list3")), (Some(1), None));
        assert_eq!("".parse(), Ok(Lists::default()));
        insta::assert_snapshot!("a=b c".parse::<Lists>().unwrap_err(), @"list 'c': expected NAME=USER,USER");
    }
}
