//! Errors by name, as `errno(3)` spells them.

use crate::nearest::nearest;
use nix::errno::Errno;

/// Largest errno of Linux, on every architecture, is below this.
const END: i32 = 134;

fn known() -> impl Iterator<Item = (i32, String)> {
    (1..END)
        .map(|code| (code, Errno::from_raw(code)))
        .filter(|(_, errno)| *errno != Errno::UnknownErrno)
        .map(|(code, errno)| (code, format!("{errno:?}")))
}

/// The number of the error called `name`; the two spellings `EWOULDBLOCK` and `ENOTSUP` are known too.
pub fn number(name: &str) -> Option<i32> {
    match name {
        "EWOULDBLOCK" => Some(libc::EWOULDBLOCK),
        "ENOTSUP" => Some(libc::ENOTSUP),
        _ => known().find(|(_, known)| known == name).map(|(code, _)| code),
    }
}

/// What to write instead of the unknown name `wrong`.
pub fn help(wrong: &str) -> String {
    let names: Vec<String> = known().map(|(_, name)| name).collect();
    match nearest(wrong, names.iter().map(String::as_str)) {
        Some(name) => format!("did you mean `{name}`?"),
        None => "use a name of errno(3), such as EIO, ENOSPC, EDQUOT, EROFS or ESTALE".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_errors_by_name() {
        assert_eq!(number("EIO"), Some(libc::EIO));
        assert_eq!(number("ENOSPC"), Some(libc::ENOSPC));
        assert_eq!(number("EWOULDBLOCK"), Some(libc::EAGAIN));
        assert_eq!(number("ENOTSUP"), Some(libc::EOPNOTSUPP));
        assert_eq!(number("EOI"), None);
    }

    #[test]
    fn suggests_a_near_name() {
        insta::assert_snapshot!(help("ENOSPCE"), @"did you mean `ENOSPC`?");
        insta::assert_snapshot!(help("broken"), @"use a name of errno(3), such as EIO, ENOSPC, EDQUOT, EROFS or ESTALE");
    }
}
