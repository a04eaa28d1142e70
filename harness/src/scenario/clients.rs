//! Clients that look at mail again and again: whether they can, and how many.

use super::file::Workload;
use super::troubles::Troubles;
use record::plan::TargetPlan;
use record::plan::workload::ClientsPlan;

/// Clients of both classes, at most: each may hold a connection.
const MOST: u64 = 10_000;

pub(crate) fn clients(
    workload: &Workload,
    target: Option<&TargetPlan>,
    found: &mut Troubles<'_>,
) -> Option<ClientsPlan> {
    let clients = workload.clients.as_ref()?;
    number(clients, found);
    times(clients, found);
    if workload.single.is_some() {
        let help = "remove `clients`, or let traffic arrive by the clock";
        found.add("workload.clients", "a single delivery has no clients beside it", help);
    }
    if let Some(target) = target.filter(|target| !target.has_imap_during_traffic()) {
        let message = format!("{} has no IMAP during the traffic", target.definition.name);
        let help = "clients read by IMAP: remove `clients`, or take a target that has it";
        found.add("workload.clients", message, help);
    }
    Some(clients.clone())
}

fn number(clients: &ClientsPlan, found: &mut Troubles<'_>) {
    let count = u64::from(clients.webmail) + u64::from(clients.held);
    if count == 0 {
        found.add("workload.clients", "there are no clients", "say how many: `webmail = 20` or `held = 20`");
    }
    if count > MOST {
        found.add("workload.clients", format!("{count} clients"), "up to 10,000 in all are possible");
    }
}

fn times(clients: &ClientsPlan, found: &mut Troubles<'_>) {
    let back_off = clients.back_off;
    let times = [
        ("every", clients.every),
        ("keep-alive", clients.keep_alive),
        ("back-off.first", back_off.first),
        ("back-off.most", back_off.most),
    ];
    for (name, _) in times.iter().filter(|(_, time)| time.0.is_zero()) {
        let field = format!("workload.clients.{name}");
        found.add(&field, "no time: it would never pause", "give it a time such as \"1s\"");
    }
    if back_off.most.0 < back_off.first.0 {
        let message = "the longest wait is shorter than the first";
        found.add("workload.clients.back-off.most", message, "make `most` at least `first`");
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::load::plan;
    use crate::scenario::overrides::Overrides;
    use std::path::Path;
    use std::time::Duration;

    const GOOD: &str = r#"
name = "t"
why  = "test"
[workload]
duration = "5s"
[[fault]]
name = "f"
where = { op = "fsync" }
effect.errno = { code = "EIO" }
"#;

    fn messages(text: &str, overrides: &Overrides) -> Vec<String> {
        let errors = plan(Path::new("t.toml"), text, overrides).expect_err("the text has a mistake");
        errors.troubles().map(|trouble| trouble.message.clone()).collect()
    }

    fn with_clients(lines: &str) -> String {
        GOOD.replace("[[fault]]", &format!("[workload.clients]\n{lines}\n[[fault]]"))
    }

    #[test]
    fn clients_have_defaults_and_say_what_they_want() {
        let clients = |lines: &str| {
            let plan =
                plan(Path::new("t.toml"), &with_clients(lines), &Overrides::default()).expect("it is good");
            plan.workload.clients.expect("there are clients")
        };
        let all = "webmail = 20\nheld = 20\nevery = \"1s\"\nkeep-alive = \"5s\"\n\
                   back-off = { first = \"500ms\", most = \"8s\" }";
        assert_eq!(clients(all), clients("webmail = 20\nheld = 20"));
        let some = clients("held = 1\nback-off = { most = \"1s\" }");
        assert_eq!((some.webmail, some.held, some.back_off.most.0), (0, 1, Duration::from_secs(1)));
        assert_eq!(some.back_off.first.0, Duration::from_millis(500));
    }

    #[test]
    fn clients_that_cannot_be_are_refused() {
        for (lines, wanted) in [
            ("", vec!["there are no clients"]),
            ("webmail = 9000\nheld = 1001", vec!["10001 clients"]),
            ("held = 1\nevery = \"0s\"\nkeep-alive = \"0s\"", vec!["no time: it would never pause"; 2]),
            ("held = 1\nback-off.first = \"0s\"", vec!["no time: it would never pause"]),
            ("held = 1\nback-off.most = \"1ms\"", vec!["the longest wait is shorter than the first"]),
        ] {
            assert_eq!(messages(&with_clients(lines), &Overrides::default()), wanted, "{lines}");
        }
        let single = with_clients("held = 1") + "[workload.single]\nentry = \"lmtp\"\nuser = 1\n";
        assert_eq!(messages(&single, &Overrides::default()), ["a single delivery has no clients beside it"]);
    }

    #[test]
    fn clients_need_a_target_with_imap_during_the_traffic() {
        let text = with_clients("held = 1");
        let overrides = Overrides { target: Some("postfix-maildir".to_owned()), ..Overrides::default() };
        assert_eq!(messages(&text, &overrides), ["postfix-maildir has no IMAP during the traffic"]);
        let overrides = Overrides { target: Some("postfix-dovecot".to_owned()), ..Overrides::default() };
        assert!(plan(Path::new("t.toml"), &text, &overrides).is_ok());
    }
}
