//! Directory entries, as many as fit into an answer.

use super::believed::Believed;
use super::encode::{attributes, bare, listed_kind};
use super::service::Service;
use crate::fs::listing::Listing;
use fuser::{Generation, INodeNo};
use std::time::Duration;

pub(super) fn fill(listing: &Listing, offset: u64, mut reply: fuser::ReplyDirectory) {
    let names = listing.0.as_deref().unwrap_or_default();
    for (n, entry) in (offset + 1..).zip(names.iter().skip(offset as usize)) {
        if reply.add(INodeNo(entry.ino), n, listed_kind(entry.kind), &entry.name) {
            break;
        }
    }
    reply.ok();
}

/// Lists with attributes: each entry counts as looked up, except the two dots and one that did not fit.
pub(super) fn fill_plus(
    service: &Service,
    directory: u64,
    listing: &Listing,
    offset: u64,
    mut reply: fuser::ReplyDirectoryPlus,
) {
    let names = listing.0.as_deref().unwrap_or_default();
    for (n, entry) in (offset + 1..).zip(names.iter().skip(offset as usize)) {
        let dots = entry.name == "." || entry.name == "..";
        let looked_up = if dots { None } else { service.fs.lookup(directory, &entry.name).ok() };
        let attr = match &looked_up {
            Some(stat) => attributes(stat),
            // Number 0 tells the kernel that this entry was not looked up; dots and vanished names get that.
            None => bare(entry.ino, listed_kind(entry.kind)),
        };
        let node = INodeNo(looked_up.as_ref().map_or(0, |stat| stat.st_ino));
        let valid = looked_up.as_ref().map_or(Duration::ZERO, |stat| Believed::by(service).of(stat).both());
        if reply.add(node, n, &entry.name, &valid, &attr, Generation(0)) {
            if let Some(stat) = looked_up {
                service.fs.forget(stat.st_ino, 1);
            }
            break;
        }
    }
    reply.ok();
}
