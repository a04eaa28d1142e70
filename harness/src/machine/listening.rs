//! Which processes listen at an address of this machine, and which of them were there before: from `/proc`.
//!
//! Only processes whose open files this user may see are known; behind an address in another network namespace (a
//! container's) nobody is.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// A process. The number alone may be given away again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Process {
    /// Its number.
    pub pid: i32,
    /// When it started, in ticks since the machine did.
    started: u64,
}

impl Process {
    fn of(pid: i32) -> Option<Process> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some(Process { pid, started: started(&stat)? })
    }

    /// Its name.
    pub(crate) fn name(&self) -> String {
        self.file("comm").trim().to_owned()
    }

    /// Its command line, or its name if it shows none.
    pub(crate) fn command(&self) -> String {
        let line = self.file("cmdline").replace('\0', " ");
        let shown = if line.trim().is_empty() { self.name() } else { line.trim().to_owned() };
        reports::kit::inert::inert(&shown)
    }

    fn file(&self, name: &str) -> String {
        let bytes = std::fs::read(format!("/proc/{}/{name}", self.pid)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Field 22 of a process's `stat`, of which the second is a name that may hold anything.
fn started(stat: &str) -> Option<u64> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// All processes that there are now.
pub(crate) fn processes() -> BTreeSet<Process> {
    pids().filter_map(Process::of).collect()
}

fn pids() -> impl Iterator<Item = i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Whoever listens where a connection to `address` would arrive, as far as this user may see.
pub(crate) fn listeners(address: SocketAddr) -> BTreeSet<Process> {
    let table = |name: &str| std::fs::read_to_string(format!("/proc/self/net/{name}")).unwrap_or_default();
    let wanted = sockets(&(table("tcp") + &table("tcp6")), address);
    match wanted.is_empty() {
        true => BTreeSet::new(),
        false => pids().filter(|pid| holds(*pid, &wanted)).filter_map(Process::of).collect(),
    }
}

fn holds(pid: i32, wanted: &BTreeSet<String>) -> bool {
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let mut sockets = files.filter_map(|file| socket(&std::fs::read_link(file.path()).ok()?));
    sockets.any(|inode| wanted.contains(&inode))
}

/// `socket:[4711]`.
fn socket(link: &Path) -> Option<String> {
    Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
}

/// The state of a socket that listens.
const LISTENS: &str = "0A";

/// Inodes of the sockets that take connections to `address`: those bound to it, else those bound to every address.
fn sockets(table: &str, address: SocketAddr) -> BTreeSet<String> {
    let rows = table.lines().filter_map(row).filter(|(local, _)| local.port() == address.port());
    let (exact, any): (Vec<_>, Vec<_>) =
        rows.partition(|(local, _)| plain(local.ip()) == plain(address.ip()));
    let any: Vec<_> = any.into_iter().filter(|(local, _)| plain(local.ip()).is_unspecified()).collect();
    let chosen = if exact.is_empty() { any } else { exact };
    chosen.into_iter().map(|(_, inode)| inode).collect()
}

fn plain(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

/// Local address and inode of a row that listens.
fn row(line: &str) -> Option<(SocketAddr, String)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (local, state, inode) = (*fields.get(1)?, *fields.get(3)?, *fields.get(9)?);
    if state != LISTENS {
        return None;
    }
    let (ip, port) = local.split_once(':')?;
    let address = SocketAddr::new(address(ip)?, u16::from_str_radix(port, 16).ok()?);
    Some((address, inode.to_owned()))
}

/// Words of 32 bits, each as this machine holds it in memory.
fn address(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| Some(u32::from_str_radix(hex.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    match hex.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            let bytes: [u8; 16] = words.as_flattened().try_into().ok()?;
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:09DD 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0 100 0 0 10 0
   1: 00000000:09DD 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12 1 0 100 0 0 10 0
   2: 0100007F:09DD 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 13 1 0 100 0 0 10 0
   3: 00000000000000000000000000000000:0477 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 14 1 0 100
";

    fn found(address: &str) -> Vec<String> {
        sockets(TABLE, address.parse().expect("an address")).into_iter().collect()
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn the_socket_that_is_bound_to_the_address_takes_the_connection() {
        assert_eq!(found("127.0.0.1:2525"), ["11"]);
        assert_eq!(found("127.0.0.2:2525"), ["12"]);
        assert_eq!(found("127.0.0.1:1143"), ["14"], "one for IPv6 takes IPv4 too");
        assert!(found("127.0.0.1:25").is_empty());
    }

    #[test]
    fn a_process_is_found_by_its_socket_and_known_from_before() {
        let before = processes();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let found = listeners(address);
        let own = found.iter().find(|process| process.pid.cast_unsigned() == std::process::id());
        assert!(own.is_some_and(|own| before.contains(own) && !own.command().is_empty()), "{found:?}");
        drop(listener);
        assert!(listeners(address).is_empty());
    }

    #[test]
    fn a_name_with_brackets_hides_no_field() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 0 0";
        assert_eq!(started(stat), Some(4711));
    }
}
