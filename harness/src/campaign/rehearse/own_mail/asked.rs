//! The mail that is there, and the mover that is to move it for good.

use crate::mail::inventory::template::Template;
use anyhow::{Context, Result};
use fuse_fs::units::Span;
use record::plan::quoted;
use record::plan::server::line::{BadLine, Line};
use reports::stores::Kind;
use std::path::PathBuf;
use std::time::Duration;

/// A mover is killed after this, unless the command line says otherwise.
pub(crate) const USUAL_LIMIT: Span = Span(Duration::from_secs(12 * 60 * 60));

#[derive(Clone, Debug)]
pub(crate) struct OwnMail {
    pub(super) store: Template,
    pub(super) mover: Line,
    pub(super) limit: Span,
    /// Kinds of difference that decide nothing.
    pub(super) accepted: Vec<Kind>,
}

impl OwnMail {
    /// # Errors
    /// The store or the mover cannot be used; the message says what to write.
    pub(crate) fn asked(store: &str, mover: &str, limit: Span, accepted: Vec<Kind>) -> Result<OwnMail> {
        let path = store.strip_prefix("maildir:").with_context(|| {
            format!("--mail `{store}`: write maildir:PATH; what only a server shows cannot be copied, read it with `inventory`")
        })?;
        let path = std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path));
        let template: Result<Template, String> = path.display().to_string().parse();
        let store = template.map_err(|why| anyhow::anyhow!("--mail {store}: {why}"))?;
        let line = Line::checked(mover, &["from", "to"], &["from", "to", "user"]);
        let mover = line.map_err(|bad| anyhow::anyhow!("--mover {}: {bad}{}", quoted(mover), help(&bad)))?;
        anyhow::ensure!(!limit.0.is_zero(), "--mover-limit 0: no mover ends in no time");
        Ok(OwnMail { store, mover, limit, accepted })
    }

    /// The options that give it again.
    pub(crate) fn options(&self) -> String {
        let OwnMail { store, mover, limit, accepted } = self;
        let mut words =
            format!(" --mail {} --mover {}", quoted(&format!("maildir:{store}")), quoted(mover.text()));
        if *limit != USUAL_LIMIT {
            words += &format!(" --mover-limit {}", quoted(&limit.to_string()));
        }
        words.extend(accepted.iter().map(|kind| format!(" --accept {}", kind.name())));
        words
    }
}

fn help(bad: &BadLine) -> &'static str {
    match bad {
        BadLine::Missing(_) => {
            "; say where mail is copied from and to, as in 'rsync -a {from}/ {to}/', for each user if `{user}` is named too"
        }
        BadLine::Unclear(_) => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(store: &str, mover: &str) -> Result<OwnMail> {
        OwnMail::asked(store, mover, USUAL_LIMIT, vec![Kind::Dates])
    }

    #[test]
    fn the_options_give_it_again() {
        let mail = asked("maildir:/var/vmail/%d/%n/Maildir", "rsync -a {from}/ {to}/").expect("fine");
        insta::assert_snapshot!(mail.options(), @" --mail maildir:/var/vmail/%d/%n/Maildir --mover 'rsync -a {from}/ {to}/' --accept dates");
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        let said = |store, mover| asked(store, mover).expect_err("wrong").to_string();
        insta::assert_snapshot!(said("imaps://mail.example.it", "x {from} {to}"), @"--mail `imaps://mail.example.it`: write maildir:PATH; what only a server shows cannot be copied, read it with `inventory`");
        insta::assert_snapshot!(said("maildir:/var/%u.d", "x {from} {to}"), @"--mail maildir:/var/%u.d: `%u.d`: write %u, %n or %d as a whole part of the path, such as /var/vmail/%d/%n/Maildir");
        insta::assert_snapshot!(said("maildir:/var/%u", "mv /var/vmail /srv"), @"--mover 'mv /var/vmail /srv': it does not name `{from}`; say where mail is copied from and to, as in 'rsync -a {from}/ {to}/', for each user if `{user}` is named too");
    }
}
