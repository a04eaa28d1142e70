//! What syncs that lied or failed leave: content that was marked clean and is not on the disk.

use super::content::Content;
use super::effect::{Ino, OpId, Sync};
use super::file::{Data, PAGE};
use super::model::Model;
use super::node::Node;
use super::page::{Page, PageFate};
use std::collections::HashSet;

impl Model {
    /// A sync was answered with success and did nothing.
    pub(crate) fn note_lost_sync(&mut self, what: Sync) {
        let last = self.last;
        let inodes: Vec<Ino> = match what {
            Sync::File { ino, .. } | Sync::Directory { ino } => vec![ino],
            Sync::Everything => self.nodes.keys().copied().collect(),
        };
        for ino in inodes {
            if let Some(node) = self.nodes.get_mut(&ino) {
                node.lost_sync = last + 1;
            }
        }
    }

    /// A sync failed: what it should have written is never written.
    pub(crate) fn note_failed_sync(&mut self, ino: Ino) {
        let last = self.last;
        if let Some(node) = self.nodes.get_mut(&ino) {
            node.failed_sync = last + 1;
        }
    }

    /// What is dirty of a file is marked clean and never reaches the disk.
    pub(crate) fn fail_content(&mut self, ino: Ino) {
        let Some(data) = self.nodes.get_mut(&ino).and_then(|node| node.data.as_mut()) else { return };
        // The sync that follows makes the size durable; the write itself stays pending.
        for write in data.fail(&mut self.freed) {
            if let Some(op) = self.ops.get_mut(write) {
                op.open += 1;
            }
        }
    }

    /// Files of which some content was marked clean and is not on the disk.
    pub(crate) fn failed_inodes(&self) -> HashSet<Ino> {
        let failed = |node: &Node| node.data.as_ref().is_some_and(|d| d.pages.values().any(|p| p.failed));
        self.nodes.iter().filter(|(_, node)| failed(node)).map(|(ino, _)| *ino).collect()
    }

    /// A file's content as it is durable.
    pub(crate) fn base_content(&self, ino: Ino) -> Option<Content> {
        let data = self.nodes.get(&ino)?.data.as_ref()?;
        if self.undoes() {
            return Some(data.undone(0, None));
        }
        Some(data.after(data.base_size, |_| false, Vec::new(), |_, _| PageFate::Old))
    }

    /// A file's content with the fate of each page given, and its size as it is.
    pub(crate) fn evicted_content(&self, ino: Ino, fate: &dyn Fn(&Page) -> PageFate) -> Option<Content> {
        let data = self.nodes.get(&ino)?.data.as_ref()?;
        let mut content = data.after(data.size, |_| true, Vec::new(), |_, page| fate(page));
        content.patches.retain(|patch| data.pages.get(patch.offset / PAGE).is_some_and(|p| p.failed));
        Some(content)
    }

    /// What failed shows as it is on the disk: nothing of it is pending.
    pub(crate) fn evicted(&mut self, ino: Ino) {
        let (mut freed, mut done) = (Vec::new(), Vec::new());
        if let Some(data) = self.nodes.get_mut(&ino).and_then(|node| node.data.as_mut()) {
            data.pages.retain(|_, page| {
                if page.failed {
                    page.free(&mut freed);
                }
                !page.failed
            });
            data.settle_failed(&mut done);
        }
        self.freed.extend(freed);
        done.into_iter().for_each(|op| self.done(op));
        self.forget_if_durable(ino);
    }

    /// A file's content is as it was durable: what was written since is gone.
    pub(crate) fn reverted(&mut self, ino: Ino) {
        let Some(data) = self.nodes.get_mut(&ino).and_then(|node| node.data.take()) else { return };
        let size = data.base_size;
        let done: Vec<OpId> = data.effects().collect();
        data.free(&mut self.freed);
        done.into_iter().for_each(|op| self.done(op));
        if let Some(node) = self.nodes.get_mut(&ino) {
            node.data = Some(Box::new(Data::of_old(size)));
        }
    }
}
