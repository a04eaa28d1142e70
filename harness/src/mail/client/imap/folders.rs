//! Folders as a server lists them, and what is in them, without a change to any.

use super::{KEPT, Session};
use crate::mail::client::failure::Failure;
use crate::mail::client::response::Value;
use record::history::Trouble;
use std::time::Duration;

/// A mailbox as LIST or LSUB says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// As the server spells it.
    pub name: String,
    pub delimiter: Option<char>,
    pub selectable: bool,
}

impl Session {
    /// From now on each response has so long: the whole of an answer may take longer.
    pub(crate) fn be_patient(&mut self, silence: Duration) {
        self.silence = Some(silence);
    }

    /// All mailboxes.
    ///
    /// # Errors
    /// The request failed, or there are more than are kept.
    pub(crate) async fn folders(&mut self) -> Result<Vec<Listed>, Failure> {
        self.listing("LIST").await
    }

    /// Mailboxes that the user subscribed to, whether they are there or not.
    ///
    /// # Errors
    /// The request failed, or there are more than are kept.
    pub(crate) async fn subscribed(&mut self) -> Result<Vec<Listed>, Failure> {
        self.listing("LSUB").await
    }

    async fn listing(&mut self, verb: &str) -> Result<Vec<Listed>, Failure> {
        let done = self.command(&format!("{verb} \"\" \"*\"")).await?;
        match done.data.len() < KEPT {
            true => Ok(done.data.iter().filter_map(|data| listed(data, verb)).collect()),
            false => {
                Err(Failure::unknown(Trouble::Garbled, Some(format!("{verb}: more than {KEPT} answers"))))
            }
        }
    }

    /// `INBOX` and its delimiter, if that is where the user's own folders are (RFC 2342).
    pub(crate) async fn inbox_prefix(&mut self) -> Option<String> {
        let done = match self.offers("NAMESPACE").await {
            Ok(true) => self.command("NAMESPACE").await.ok()?,
            Ok(false) | Err(_) => return None,
        };
        let data = done.data.iter().find(|data| data.first().is_some_and(|verb| verb.is("NAMESPACE")))?;
        let Value::List(own) = data.get(1)? else { return None };
        let prefixes = own.iter().filter_map(|one| match one {
            Value::List(parts) => parts.first()?.text(),
            Value::Atom(_) | Value::Text(_) => None,
        });
        let beneath =
            |prefix: &String| prefix.get(..5).is_some_and(|head| head.eq_ignore_ascii_case("INBOX"));
        prefixes.filter(beneath).find(|prefix| prefix.len() == 6)
    }

    /// Names and headers in UTF-8 from now on (RFC 6855), if the server goes along.
    pub(crate) async fn enable_utf8(&mut self) -> bool {
        let done = self.command("ENABLE UTF8=ACCEPT").await;
        done.is_ok_and(|done| done.data.iter().flatten().any(|word| word.is("UTF8=ACCEPT")))
    }

    /// UIDs of all `exist` messages of the mailbox that is open, in order.
    ///
    /// # Errors
    /// The request failed.
    pub(crate) async fn uids(&mut self, exist: u32) -> Result<Vec<u32>, Failure> {
        let mut uids = Vec::new();
        if exist > 0 {
            let each = |values: Vec<Value>| uids.extend(uid(&values));
            self.run("FETCH 1:* (UID)", each).await?;
        }
        uids.sort_unstable();
        uids.dedup();
        Ok(uids)
    }

    /// UID FETCHes `items` of messages, one response after the other.
    ///
    /// # Errors
    /// The request failed.
    pub(crate) async fn items(
        &mut self,
        set: &str,
        items: &str,
        each: impl FnMut(Vec<Value>),
    ) -> Result<(), Failure> {
        self.run(&format!("UID FETCH {set} ({items})"), each).await.map(drop)
    }
}

fn uid(values: &[Value]) -> Option<u32> {
    let [_, verb, Value::List(items)] = values else { return None };
    let pair = items.chunks_exact(2).find(|pair| verb.is("FETCH") && pair[0].is("UID"))?;
    pair[1].number()
}

fn listed(data: &[Value], wanted: &str) -> Option<Listed> {
    let [verb, Value::List(attributes), delimiter, name, ..] = data else { return None };
    let name = verb.is(wanted).then(|| name.text()).flatten()?;
    let selectable = !attributes.iter().any(|a| a.is("\\Noselect") || a.is("\\NonExistent"));
    let delimiter = match delimiter {
        Value::Text(text) => text.first().map(|byte| char::from(*byte)),
        Value::Atom(_) | Value::List(_) => None,
    };
    let inbox = name.eq_ignore_ascii_case("INBOX");
    Some(Listed { name: if inbox { "INBOX".to_owned() } else { name }, delimiter, selectable })
}
