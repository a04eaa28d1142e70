//! What the kernel may answer in our place, and for how long.

use super::service::Service;
use crate::call::Op;
use nix::sys::stat::FileStat;
use std::time::Duration;

/// How long the kernel may believe a name or attributes that it was told.
pub(super) const BELIEVED: Duration = Duration::from_secs(1);

/// How long the kernel may answer in our place. Four of five calls beneath a mail server ask for names and attributes; where no
/// rule asks for them too, they need not be asked again for what only the kernel itself can change. Known when the answer is sent:
/// a rule may have come since the question.
#[derive(Clone, Copy)]
pub(super) struct Believed {
    pub(super) name: Duration,
    pub(super) attributes: Duration,
}

impl Believed {
    /// Nothing is believed that `asks` says a rule wants to be asked for.
    fn unless_asked(asks: impl Fn(Op) -> bool) -> Believed {
        let time = |op| if asks(op) { Duration::ZERO } else { BELIEVED };
        Believed { name: time(Op::Lookup), attributes: time(Op::Getattr) }
    }

    /// What holds for the mount now.
    pub(super) fn by(service: &Service) -> Believed {
        Believed::unless_asked(|op| !service.cached && service.decide.asks(op))
    }

    /// Of a file with several names each is asked for: by its last one it is known to rules and trace.
    pub(super) fn of(self, stat: &FileStat) -> Believed {
        let several = stat.st_nlink > 1 && stat.st_mode & libc::S_IFMT != libc::S_IFDIR;
        if several { Believed { name: Duration::ZERO, ..self } } else { self }
    }

    /// Where one time stands for both.
    pub(super) fn both(self) -> Duration {
        self.name.min(self.attributes)
    }
}
