//! Links in a user's mail. A copy of a link that leads out of it leads to the mail itself, or to what is not mail: what lies there would
//! not move with the copy and be found all the same, and a mover that follows links could change it.

use std::io;
use std::path::{Component, Path, PathBuf};

/// Where `link`, which lies in `root`, leads to, if that is not in `root`, or would not be in a copy of it.
///
/// # Errors
/// It cannot be read.
pub(super) fn leads_out(root: &Path, link: &Path) -> io::Result<Option<PathBuf>> {
    let target = std::fs::read_link(link)?;
    let stays = match link.canonicalize() {
        Ok(real) => real.starts_with(root.canonicalize()?),
        // Nothing lies there.
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(error),
    };
    let depth = link.strip_prefix(root).map_or(0, |path| path.components().count().saturating_sub(1));
    Ok(Some(target).filter(|target| !stays || !is_within(depth, target)))
}

/// Whether a path, followed from so many directories below a root, never leaves it.
fn is_within(depth: usize, path: &Path) -> bool {
    let step = |depth: usize, part: Component<'_>| match part {
        Component::Normal(_) => Some(depth + 1),
        Component::CurDir => Some(depth),
        Component::ParentDir => depth.checked_sub(1),
        Component::RootDir | Component::Prefix(_) => None,
    };
    path.components().try_fold(depth, step).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_link_may_lead_to_what_is_copied_with_it_and_nowhere_else() {
        let place = tempfile::tempdir().expect("a directory");
        let root = place.path().join("mail");
        fs::create_dir_all(root.join("a/b")).expect("made");
        fs::create_dir(place.path().join("archive")).expect("made");
        let led = |at: &str, to: &str| {
            let link = root.join(at);
            symlink(to, &link).expect("linked");
            leads_out(&root, &link).expect("it can be read").is_some()
        };
        for (at, to) in [("a/inner", "../a/b"), ("a/b/up", ".."), ("none", "not/there")] {
            assert!(!led(at, to), "{at} -> {to}");
        }
        let own = root.join("a").display().to_string();
        let through = [
            ("through", "a/b/up/../.."),
            ("whole", &own),
            ("a/out", "../../archive"),
            ("a/none", "../../not/there"),
        ];
        for (at, to) in through {
            assert!(led(at, to), "{at} -> {to}");
        }
    }
}
