//! The store while no server runs: a check of its structure, and a rebuild of every UID table from the files.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::defect::Defects;
use crate::files::Disk;
use crate::mailbox::Mailbox;
use crate::store::Store;

/// What to do with a store that no server uses.
#[derive(Debug, Clone, clap::Args)]
pub struct OfflineOptions {
    /// What to do.
    #[arg(value_enum)]
    pub task: Task,
    /// Directory of the mail store.
    #[arg(long)]
    pub store: PathBuf,
}

/// What can be done with a store that no server uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Task {
    /// Print what is wrong with it; changes nothing.
    Check,
    /// Write every UID table anew from the files. UIDs that the old table still tells are kept.
    Rebuild,
}

/// Carries out the task. `Ok(false)`: the check found something, and printed it.
///
/// # Errors
/// The store cannot be read, or a table not written.
pub fn offline(options: &OfflineOptions) -> io::Result<bool> {
    let store = Store::new(options.store.clone(), Arc::new(Disk), Defects::default());
    let mut sound = true;
    for mailbox in store.everything()? {
        match options.task {
            Task::Rebuild => mailbox.rebuild()?,
            Task::Check => sound &= none_of(&mailbox)?,
        }
    }
    Ok(sound)
}

/// Prints the problems of a mailbox; whether there are none.
fn none_of(mailbox: &Mailbox) -> io::Result<bool> {
    let problems = mailbox.problems()?;
    problems.iter().for_each(|problem| println!("{problem}"));
    Ok(problems.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    fn store(root: &Path) -> Store {
        Store::new(root.to_path_buf(), Arc::new(Disk), Defects::default())
    }

    /// Two messages in INBOX, one in Archive, one expunged.
    fn filled() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        store.create("user1", "Archive").unwrap();
        for (name, text) in [("INBOX", "one"), ("INBOX", "two"), ("INBOX", "three"), ("Archive", "four")] {
            store.deliver("user1", name, text.as_bytes(), None, None).unwrap();
        }
        store.mailbox("user1", "INBOX").expunge(1).unwrap();
        root
    }

    fn run(root: &Path, task: Task) -> bool {
        offline(&OfflineOptions { task, store: root.to_path_buf() }).unwrap()
    }

    fn problems(root: &Path) -> String {
        let all = store(root).everything().unwrap();
        let all = all.iter().flat_map(|mailbox| mailbox.problems().unwrap()).collect::<Vec<_>>().join("\n");
        all.replace(&root.display().to_string(), "STORE")
    }

    fn uids(root: &Path, name: &str) -> (u32, Vec<u32>) {
        let view = store(root).mailbox("user1", name).open().unwrap();
        (view.validity, view.messages.iter().map(|(uid, _)| *uid).collect())
    }

    fn first_file(directory: &Path) -> PathBuf {
        fs::read_dir(directory).unwrap().next().unwrap().unwrap().path()
    }

    #[test]
    fn a_sound_store_has_no_problems_and_a_rebuild_keeps_its_uids() {
        let root = filled();
        assert!(run(root.path(), Task::Check));
        let before = uids(root.path(), "INBOX");
        assert_eq!(before.1, [2, 3]);
        assert!(run(root.path(), Task::Rebuild) && run(root.path(), Task::Check));
        assert_eq!(uids(root.path(), "INBOX"), before);
    }

    #[test]
    fn a_rebuild_finds_what_the_table_does_not_know_and_mends_a_damaged_one() {
        let root = filled();
        let inbox = root.path().join("user1/Maildir");
        fs::write(inbox.join("cur/other:2,S"), "five").unwrap();
        let table = inbox.join("fermoposta-uidlist");
        let text = fs::read_to_string(&table).unwrap().replacen('Q', "q", 1);
        fs::write(&table, text).unwrap();
        insta::assert_snapshot!(problems(root.path()), @"STORE/user1/Maildir: line 2 of the UID table is damaged");
        assert!(!run(root.path(), Task::Check));
        assert!(run(root.path(), Task::Rebuild) && run(root.path(), Task::Check));
        assert_eq!(uids(root.path(), "INBOX").1, [1, 2, 3]);
    }

    #[test]
    fn a_short_file_and_a_message_with_two_names_are_problems() {
        let root = filled();
        let inbox = root.path().join("user1/Maildir");
        let short = first_file(&inbox.join("new"));
        fs::write(&short, "t").unwrap();
        let named = first_file(&root.path().join("user1/Maildir/.Archive/new"));
        let twice = named.file_name().unwrap().to_str().unwrap();
        fs::hard_link(&named, root.path().join(format!("user1/Maildir/.Archive/cur/{twice}:2,S"))).unwrap();
        let text = problems(root.path());
        assert!(text.contains("holds 1 bytes instead of"), "{text}");
        assert!(text.contains(&format!("{twice} is there twice")), "{text}");
    }
}
