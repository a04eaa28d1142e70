//! What an operator may say about who is let in and how: the words of a scenario's `do.front-door` step.

use fuse_fs::nearest::nearest;
use fuse_fs::units::Bytes;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// Longest text of a reply.
const TEXT_LIMIT: usize = 400;

/// What becomes of mail that arrives.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum MailPolicy {
    /// Pass it on: every reply is the mail server's.
    #[default]
    Accept,
    /// Take connections and say nothing. Who waits is answered when another policy comes.
    Hang,
    /// Greet, and answer MAIL FROM with this transient refusal, such as `"451 4.3.2 try again later"`.
    Tempfail(String),
    /// Greet, and answer every recipient with this permanent refusal, such as `"552 5.2.2 mailbox full"`.
    Reject(String),
    /// Refuse connections, and close those that are open.
    Closed,
    /// Take messages over into the front door's own spool, and deliver them once mail is accepted again.
    Queue(QueueLimit),
}

/// How much the front door's spool takes before it says `452`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct QueueLimit {
    /// Bytes of all messages together.
    pub limit: Bytes,
    /// Number of messages. Default and most: 100,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages: Option<u64>,
}

/// What becomes of IMAP connections.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum AccessPolicy {
    /// Pass them on: every reply is the mail server's.
    #[default]
    Accept,
    /// Take connections and say nothing. Who waits is answered when another policy comes.
    Hang,
    /// Greet, and answer LOGIN with `NO [UNAVAILABLE]` and this text. Who is logged in stays so.
    Refuse(String),
    /// Refuse connections, and close those that are open.
    Closed,
}

/// Whose mail and whose logins are let through while the policy is `accept`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Admit {
    /// Those of every user.
    #[default]
    Everyone,
    /// Those of the users in these cohorts. Open IMAP connections of all others are closed.
    Cohorts(Vec<String>),
}

/// What becomes of mail for a user who is not admitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum NotAdmittedMail {
    /// The recipient is refused for now, with this reply.
    Tempfail(String),
    /// The recipient is refused for good, with this reply.
    Reject(String),
    /// The front door's spool takes it over.
    Queue(QueueLimit),
}

impl Default for NotAdmittedMail {
    fn default() -> NotAdmittedMail {
        NotAdmittedMail::Tempfail("451 4.2.1 this mailbox is not available yet".to_owned())
    }
}

/// So many a second, written `"50/s"`, or `"unlimited"`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limit(pub Option<f64>);

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(rate) => write!(f, "{rate}/s"),
            None => f.write_str("unlimited"),
        }
    }
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Limit, D::Error> {
        let text = String::deserialize(d)?;
        if text == "unlimited" {
            return Ok(Limit(None));
        }
        let number = text.strip_suffix("/s").and_then(|n| n.trim().parse::<f64>().ok());
        number.filter(|n| n.is_finite() && *n > 0.0).map(|n| Limit(Some(n))).ok_or_else(|| {
            let shown = text.escape_debug();
            serde::de::Error::custom(format!("`{shown}` is not a rate; write \"50/s\" or \"unlimited\""))
        })
    }
}

impl JsonSchema for Limit {
    fn schema_name() -> Cow<'static, str> {
        "Limit".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "So many a second, \"50/s\", or \"unlimited\".",
            "examples": ["50/s", "unlimited"],
        })
    }
}

/// The operator changes what the front door does. What is not named stays as it is. It holds for new connections, and
/// for open ones from their next command on; `hang` and `closed` hold for all at once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Change {
    /// Mail that arrives. At first `"accept"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailPolicy>,
    /// IMAP. At first `"accept"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<AccessPolicy>,
    /// Who is let in. At first `"everyone"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admit: Option<Admit>,
    /// Deliveries a second let through to the mail server; beyond it recipients get `451 4.7.1`. At first `"unlimited"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail_rate: Option<Limit>,
    /// Messages a second delivered from the spool. At first `"unlimited"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain_rate: Option<Limit>,
    /// Mail for users who are not admitted. At first `{ tempfail = "451 4.2.1 ..." }`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_admitted_mail: Option<NotAdmittedMail>,
}

/// Why a change cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub field: &'static str,
    /// What is wrong with it.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

impl Change {
    /// Everything that is wrong with it, given the names of all cohorts.
    pub fn problems(&self, cohorts: &[String]) -> Vec<Problem> {
        let mut found = Vec::new();
        match &self.mail {
            Some(MailPolicy::Tempfail(text)) => found.extend(reply_problem("mail.tempfail", text, '4')),
            Some(MailPolicy::Reject(text)) => found.extend(reply_problem("mail.reject", text, '5')),
            Some(MailPolicy::Accept | MailPolicy::Hang | MailPolicy::Closed | MailPolicy::Queue(_))
            | None => {}
        }
        match &self.not_admitted_mail {
            Some(NotAdmittedMail::Tempfail(text)) => {
                found.extend(reply_problem("not-admitted-mail.tempfail", text, '4'));
            }
            Some(NotAdmittedMail::Reject(text)) => {
                found.extend(reply_problem("not-admitted-mail.reject", text, '5'));
            }
            Some(NotAdmittedMail::Queue(_)) | None => {}
        }
        if let Some(AccessPolicy::Refuse(text)) = &self.access {
            found.extend(text_problem("access.refuse", text));
        }
        if let Some(Admit::Cohorts(names)) = &self.admit {
            found.extend(
                names.iter().filter(|name| !cohorts.contains(name)).map(|name| unknown(name, cohorts)),
            );
        }
        if *self == Change::default() {
            let help = "name at least one of `mail`, `access`, `admit`, `mail-rate`, `drain-rate`, `not-admitted-mail`";
            found.push(problem("", "the step changes nothing at the front door".to_owned(), help));
        }
        found
    }
}

fn unknown(name: &str, cohorts: &[String]) -> Problem {
    let meant = nearest(name, cohorts.iter().map(String::as_str));
    let meant = meant.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    let help = match cohorts {
        [] => "the scenario has no [[cohort]]".to_owned(),
        known => format!("{meant}there are: {}", known.join(", ")),
    };
    let message = format!("there is no cohort `{}`", name.escape_debug());
    Problem { field: "admit.cohorts", message, help }
}

fn problem(field: &'static str, message: String, help: &str) -> Problem {
    Problem { field, message, help: help.to_owned() }
}

/// A reply must be one line that begins with a code of its class.
fn reply_problem(field: &'static str, text: &str, class: char) -> Option<Problem> {
    let mut chars = text.chars();
    let code = chars.next() == Some(class)
        && chars.by_ref().take(2).filter(char::is_ascii_digit).count() == 2
        && matches!(chars.next(), Some(' '));
    if code {
        return text_problem(field, text);
    }
    let message = format!("`{}` does not begin with a code {class}yz and a space", text.escape_debug());
    let help = match class {
        '4' => "write a transient refusal, such as \"451 4.3.2 try again later\"",
        _ => "write a permanent refusal, such as \"552 5.2.2 mailbox full\"",
    };
    Some(problem(field, message, help))
}

fn text_problem(field: &'static str, text: &str) -> Option<Problem> {
    let printable = text.bytes().all(|b| matches!(b, b' '..=b'~'));
    let fits = (1..=TEXT_LIMIT).contains(&text.len());
    (!printable || !fits).then(|| {
        let message = format!("`{}` cannot be said in one line", text.escape_debug());
        problem(field, message, "write 1 to 400 printable ASCII characters")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Change, String> {
        toml::from_str(text).map_err(|e| e.message().to_owned())
    }

    #[test]
    fn a_change_is_written_as_in_a_scenario_and_read_back_from_a_plan() {
        let text = r#"
            mail = { queue = { limit = "10 MB", messages = 3 } }
            access = { refuse = "closed for repair" }
            admit = { cohorts = ["pec"] }
            mail-rate = "2.5/s"
            drain-rate = "unlimited"
            not-admitted-mail = { reject = "552 5.2.2 full" }
        "#;
        let change = read(text).expect("valid");
        assert_eq!(
            change.mail,
            Some(MailPolicy::Queue(QueueLimit { limit: Bytes(10_000_000), messages: Some(3) }))
        );
        assert_eq!((change.mail_rate, change.drain_rate), (Some(Limit(Some(2.5))), Some(Limit(None))));
        assert_eq!(change.problems(&["pec".to_owned()]), []);
        let json = serde_json::to_string(&change).expect("written");
        assert_eq!(serde_json::from_str::<Change>(&json).expect("read"), change);
        assert_eq!(read(r#"mail = "hang""#).expect("valid").mail, Some(MailPolicy::Hang));
    }

    #[test]
    fn what_is_misspelt_is_refused() {
        for wrong in [
            r#"mial = "hang""#,
            r#"mail = "hung""#,
            r#"mail = { queue = { limit = 1, massages = 2 } }"#,
            r#"mail-rate = "0/s""#,
            r#"mail-rate = "fast""#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn replies_of_the_wrong_class_or_of_two_lines_are_problems() {
        let tempfail =
            |text: &str| Change { mail: Some(MailPolicy::Tempfail(text.into())), ..Change::default() };
        let reject = |text: &str| Change { mail: Some(MailPolicy::Reject(text.into())), ..Change::default() };
        assert_eq!(tempfail("451 4.3.2 later").problems(&[]), []);
        assert_eq!(reject("552 5.2.2 full").problems(&[]), []);
        for wrong in [
            "250 ok",
            "552 no",
            "45 x",
            "4512 x",
            "451",
            "451 a\r\n250 b",
            "4x1 a",
            "",
            "451-a",
            "451 \u{e9}",
        ] {
            assert_eq!(tempfail(wrong).problems(&[]).len(), 1, "{wrong:?}");
        }
        assert_eq!(reject("451 later").problems(&[]).len(), 1);
        let long = format!("451 {}", "x".repeat(400));
        assert_eq!(tempfail(&long).problems(&[]).len(), 1);
    }

    #[test]
    fn unknown_cohorts_and_empty_changes_are_problems() {
        let admit = Change { admit: Some(Admit::Cohorts(vec!["a".into(), "b".into()])), ..Change::default() };
        let found = admit.problems(&["a".to_owned()]);
        assert_eq!((found.len(), found[0].message.as_str()), (1, "there is no cohort `b`"));
        assert_eq!(Change::default().problems(&[]).len(), 1);
    }
}
