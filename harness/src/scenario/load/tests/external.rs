//! What a scenario means on a mail server that runs already.

use super::*;

const TARGET: &str = "name = 'ours'\nabout = 'x'\nkind = 'external'\nlisten = { imap = 'mail.example.it:993' }\n\
    tls.imap = 'implicit'\naccounts = { file = 'users.csv' }\n";
const USERS: &str =
    "address,password\nanna@example.it,hidden\nbob@example.it,hidden\nzoe@example.it,hidden\n";
const QUIET: &str = "name = \"t\"\nwhy = \"test\"\n[expect]\nno-faults = true\n";

/// A scenario against a target file, with the file of its users beside it.
fn against(target: &str, text: &str) -> Result<Plan, Vec<String>> {
    with_users(USERS, target, text)
}

fn plan_with_users(users: &str) -> Result<Plan, Vec<String>> {
    with_users(users, TARGET, QUIET)
}

fn with_users(users: &str, target: &str, text: &str) -> Result<Plan, Vec<String>> {
    let place = tempfile::tempdir().expect("a directory");
    let file = place.path().join("ours.toml");
    std::fs::write(&file, target).expect("written");
    std::fs::write(place.path().join("users.csv"), users).expect("written");
    let server = Some(file.display().to_string());
    let overrides = Overrides { target: server, ..Overrides::default() };
    let planned = plan(Path::new("t.toml"), text, &overrides);
    planned.map_err(|errors| {
        let hide = |text: &str| text.replace(&place.path().display().to_string(), "PLACE");
        errors.troubles().map(|trouble| hide(&trouble.message)).collect()
    })
}

#[test]
fn its_users_are_those_of_the_file_and_there_is_no_storage() {
    let plan = against(TARGET, QUIET).expect("it is possible");
    assert!(plan.storages.is_empty());
    let users: Vec<String> = plan.workload.user_names().collect();
    assert_eq!(users, ["anna@example.it", "bob@example.it", "zoe@example.it"]);
    assert!(!serde_json::to_string(&plan).expect("JSON").contains("hidden"));
    let chosen = TARGET.replace(
        "'users.csv'",
        "'users.csv', only = ['zoe@example.it', 'bob@example.it'], sender = 'bob@example.it'",
    );
    let plan = against(&chosen, QUIET).expect("it is possible");
    assert_eq!(plan.workload.user_names().collect::<Vec<_>>(), ["zoe@example.it"]);
}

#[test]
fn a_command_may_be_all_that_goes_wrong() {
    let step =
        "name = \"t\"\nwhy = \"test\"\n[[step]]\nat = \"1s\"\ndo.run-command = { argv = [\"/bin/true\"] }\n";
    assert!(against(TARGET, step).is_ok());
}

#[test]
fn what_needs_a_storage_of_the_harness_is_refused() {
    let said = against(TARGET, GOOD).expect_err("a fault");
    assert_eq!(
        said,
        ["ours is external: its mail is not here, and a fault of the storage would change nothing"]
    );
    let steps = "name = \"t\"\nwhy = \"test\"\n[storage.mail]\n[[step]]\nat = \"1s\"\ndo.kill-target = {}\n[[step]]\nat = \"1s\"\ndo.power-cut = {}\n";
    let said = against(TARGET, steps).expect_err("a cut");
    assert_eq!(
        said,
        [
            "ours is external: its mail is not here, and a storage of the harness would change nothing",
            "ours does not say how to kill its server",
            "ours is external: this step needs a storage or a gateway of the harness",
        ]
    );
}

#[test]
fn users_who_are_not_there_are_named() {
    let users = |accounts: &str| TARGET.replace("{ file = 'users.csv' }", accounts);
    let many = QUIET.replace("[expect]", "[workload]\nusers = 4\n[expect]");
    assert_eq!(against(TARGET, &many).expect_err("4"), ["4 users, but the accounts of the target have 3"]);
    let unknown = users("{ file = 'users.csv', only = ['eve@example.it'] }");
    assert_eq!(
        against(&unknown, QUIET).expect_err("eve")[0],
        "ours names eve@example.it, who is not in PLACE/users.csv"
    );
    let odd = plan_with_users("address\n\"$(id)@x\"\n").expect_err("no address");
    assert_eq!(odd, ["\"$(id)@x\" in PLACE/users.csv cannot be a user of a run"]);
    let nowhere = users("{ file = 'nowhere.csv' }");
    assert_eq!(
        against(&nowhere, QUIET).expect_err("nowhere"),
        ["accounts of ours: PLACE/nowhere.csv: No such file or directory (os error 2)"]
    );
    let by_smtp = TARGET.replace("imap = 'mail", "smtp = 'mail.example.it:25', imap = 'mail");
    assert_eq!(
        against(&by_smtp, QUIET).expect_err("nobody"),
        ["mail goes in by SMTP, but the target does not say who sends it"]
    );
}

#[test]
fn a_target_file_that_contradicts_itself_says_so() {
    let said = |more: &str| {
        against(&format!("{TARGET}{more}"), QUIET)
            .expect_err("it is wrong")
            .join("; ")
            .replace("PLACE/ours.toml cannot work: ", "")
    };
    insta::assert_snapshot!(said("password = 'hidden'\n"), @"an `external` target has its passwords in the file of `accounts`: a target file is copied into every run directory");
    insta::assert_snapshot!(said("start = ['mail', '{store}']\n"), @"`{store}` is not for `external` targets: their storage and their users are not the harness's");
    insta::assert_snapshot!(said("layout.maildir = { path = '{user}' }\n"), @"`layout` is not for `external` targets: their storage and their users are not the harness's");
    insta::assert_snapshot!(said("tls.ca = 'x'\ntls.verify = false\n"), @"`ca`, `certificate` and `verify = false` below `tls` contradict each other; keep one");
    insta::assert_snapshot!(said("rebuild.command = ['x']\n"), @"the rebuild of an `external` target runs while the server does: write `running = true`");
}

#[test]
fn the_example_is_one() {
    let text = include_str!("../../../../scenarios/targets/example-external.toml");
    let said = against(text, QUIET).expect_err("its users are not ours");
    assert_eq!(said[0], "example-external names test1@example.it, who is not in PLACE/users.csv");
}
