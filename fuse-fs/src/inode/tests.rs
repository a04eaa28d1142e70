//! The table against a plain map, against a real directory, and on the scales.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs::File;

fn table(root: &std::path::Path, descriptors: usize) -> InodeTable {
    InodeTable::new(File::open(root).unwrap().into(), descriptors).unwrap()
}

fn ino(path: &std::path::Path) -> u64 {
    std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(path).unwrap())
}

#[test]
fn descriptors_are_bounded_and_evicted_inodes_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let table = table(folder.path(), SHARDS);
    let known: Vec<u64> = (0..1000)
        .map(|n| {
            let path = folder.path().join(format!("f{n}"));
            std::fs::write(&path, "").unwrap();
            table.remember(ino(&path), ROOT, OsStr::new(&format!("f{n}")));
            ino(&path)
        })
        .collect();
    for _ in 0..2 {
        for &ino in &known {
            assert_eq!(fstat(&*table.fd(ino).unwrap()).unwrap().st_ino, ino);
        }
    }
    assert!(table.open_descriptors() <= SHARDS, "{}", table.open_descriptors());
}

#[test]
fn another_file_under_the_remembered_name_is_stale() {
    let folder = tempfile::tempdir().unwrap();
    let table = table(folder.path(), 100);
    let (path, other) = (folder.path().join("f"), folder.path().join("g"));
    std::fs::write(&path, "").unwrap();
    let known = ino(&path);
    table.remember(known, ROOT, OsStr::new("f"));
    std::fs::write(&other, "").unwrap();
    std::fs::rename(&other, &path).unwrap();
    assert_eq!(table.fd(known).unwrap_err(), Errno::ESTALE);
}

#[test]
fn an_inode_that_lost_its_name_keeps_its_descriptor() {
    let folder = tempfile::tempdir().unwrap();
    let table = table(folder.path(), 1);
    let path = folder.path().join("f");
    std::fs::write(&path, "").unwrap();
    let known = ino(&path);
    table.remember(known, ROOT, OsStr::new("f"));
    let fd = table.fd(known).unwrap();
    std::fs::remove_file(&path).unwrap();
    table.name_gone(known, ROOT, OsStr::new("f"), fd);
    for n in 0..10 * SHARDS as u64 {
        table.shard(known).lock().cached.push_back(n);
    }
    table.shard(known).lock().evict(1);
    assert_eq!(fstat(&*table.fd(known).unwrap()).unwrap().st_nlink, 0);
    table.forget(known, 1);
    assert_eq!(table.len(), 0);
}

/// A descriptor for each removed hard link was kept, and `rm -r` of a copy made with `cp -al` used them up.
#[test]
fn one_of_two_hard_links_that_is_gone_keeps_no_descriptor() {
    let folder = tempfile::tempdir().unwrap();
    let table = table(folder.path(), SHARDS);
    for n in 0..1000 {
        let [one, two] = ["one", "two"].map(|link| format!("{link}{n}"));
        std::fs::write(folder.path().join(&one), "").unwrap();
        std::fs::hard_link(folder.path().join(&one), folder.path().join(&two)).unwrap();
        let known = ino(&folder.path().join(&one));
        [&two, &one].iter().for_each(|name| table.remember(known, ROOT, OsStr::new(name)));
        let fd = table.fd(known).unwrap();
        std::fs::remove_file(folder.path().join(&one)).unwrap();
        table.name_gone(known, ROOT, OsStr::new(&one), fd);
        assert_eq!(table.name(known), Some((ROOT, two.into())));
    }
    assert!(table.open_descriptors() <= SHARDS, "{}", table.open_descriptors());
}

#[test]
fn a_name_that_is_gone_too_is_not_gone_by() {
    let folder = tempfile::tempdir().unwrap();
    let table = table(folder.path(), 1);
    let (path, other) = (folder.path().join("f"), folder.path().join("g"));
    std::fs::write(&path, "").unwrap();
    std::fs::hard_link(&path, &other).unwrap();
    let known = ino(&path);
    ["g", "f"].iter().for_each(|name| table.remember(known, ROOT, OsStr::new(name)));
    let fd = table.fd(known).unwrap();
    std::fs::remove_file(&other).unwrap();
    std::fs::remove_file(&path).unwrap();
    table.name_gone(known, ROOT, OsStr::new("f"), fd);
    assert_eq!(table.name(known), None);
    assert_eq!(fstat(&*table.fd(known).unwrap()).unwrap().st_ino, known);
}

#[test]
fn without_a_descriptor_left_those_that_can_be_opened_again_make_room() {
    let folder = tempfile::tempdir().unwrap();
    let table = table(folder.path(), 10 * SHARDS);
    let held = ["f", "g", "h"].map(|name| {
        let path = folder.path().join(name);
        std::fs::write(&path, "").unwrap();
        table.remember(ino(&path), ROOT, OsStr::new(name));
        (ino(&path), table.fd(ino(&path)).unwrap())
    });
    let [(first, _), (_, busy), (last, _)] = &held;
    let busy = busy.clone();
    let (first, last) = (*first, *last);
    drop(held);
    let left = std::cell::Cell::new(0);
    let opened = table.opened(|| match left.replace(left.get() + 1) {
        0 => Err(Errno::EMFILE),
        _ => Ok(()),
    });
    assert_eq!((opened, table.open_descriptors()), (Ok(()), 1), "the one in use stays");
    drop(busy);
    assert!([first, last].iter().all(|ino| table.fd(*ino).is_ok()));
    assert_eq!(table.opened(|| Err::<(), _>(Errno::EACCES)), Err(Errno::EACCES));
}

#[test]
fn bytes_per_known_inode() {
    const COUNT: u64 = 1_000_000;
    let resident = || -> usize {
        let text = std::fs::read_to_string("/proc/self/statm").unwrap();
        text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
    };
    let folder = tempfile::tempdir().unwrap();
    let table = table(folder.path(), 1000);
    let before = resident();
    for n in 0..COUNT {
        table.remember(n + 2, ROOT, OsStr::new(&format!("1700000000.M{n:07}P1")));
    }
    let bytes = resident().saturating_sub(before) / COUNT as usize;
    println!("{bytes} bytes per known inode");
    assert_eq!(table.len() as u64, COUNT);
    assert!((50..320).contains(&bytes), "{bytes} bytes per known inode");
}

#[derive(Clone, Debug)]
enum Step {
    Remember(u64, u64, u8),
    Forget(u64, u64),
    Rename(u64, u64, u8),
}

fn step() -> impl Strategy<Value = Step> {
    let (ino, parent, name) = (2..9u64, 1..9u64, 0..4u8);
    prop_oneof![
        3 => (ino.clone(), parent.clone(), name.clone()).prop_map(|(i, p, n)| Step::Remember(i, p, n)),
        2 => (ino.clone(), 1..3u64).prop_map(|(i, c)| Step::Forget(i, c)),
        1 => (ino, parent, name).prop_map(|(i, p, n)| Step::Rename(i, p, n)),
    ]
}

/// Parent, name and lookups of each known inode.
#[derive(Default)]
struct Model(BTreeMap<u64, (u64, String, u64)>);

impl Model {
    /// A known parent with a smaller number, so that no directory lies below itself.
    fn parent(&self, ino: u64, wanted: u64) -> u64 {
        if wanted < ino && self.0.contains_key(&wanted) { wanted } else { ROOT }
    }

    fn collect(&mut self) {
        loop {
            let parents: Vec<u64> = self.0.values().map(|e| e.0).collect();
            let before = self.0.len();
            self.0.retain(|ino, entry| entry.2 > 0 || parents.contains(ino));
            if self.0.len() == before {
                return;
            }
        }
    }

    fn path(&self, mut ino: u64) -> PathBuf {
        let mut path = PathBuf::new();
        while let Some((parent, name, _)) = self.0.get(&ino) {
            path = if path.as_os_str().is_empty() { name.into() } else { PathBuf::from(name).join(path) };
            ino = *parent;
        }
        path
    }

    fn apply(&mut self, table: &InodeTable, step: &Step) {
        match *step {
            Step::Remember(ino, parent, name) => {
                let (parent, name) = (self.parent(ino, parent), format!("n{name}"));
                table.remember(ino, parent, OsStr::new(&name));
                let entry = self.0.entry(ino).or_insert((parent, name.clone(), 0));
                *entry = (parent, name, entry.2 + 1);
            }
            Step::Forget(ino, count) => {
                table.forget(ino, count);
                if let Some(entry) = self.0.get_mut(&ino) {
                    entry.2 = entry.2.saturating_sub(count);
                }
            }
            Step::Rename(ino, parent, name) => {
                let (parent, name) = (self.parent(ino, parent), format!("n{name}"));
                table.renamed(ino, parent, OsStr::new(&name));
                if let Some(entry) = self.0.get_mut(&ino) {
                    *entry = (parent, name, entry.2);
                }
            }
        }
        self.collect();
    }
}

proptest! {
    #[test]
    fn the_table_knows_what_a_plain_map_knows(steps in proptest::collection::vec(step(), 1..80)) {
        let folder = tempfile::tempdir().unwrap();
        let table = table(folder.path(), 10);
        let mut model = Model::default();
        for step in &steps {
            model.apply(&table, step);
            prop_assert_eq!(table.len(), model.0.len());
            for &ino in model.0.keys() {
                prop_assert!(table.knows(ino));
                prop_assert_eq!(table.path(ino), model.path(ino));
            }
        }
    }
}
