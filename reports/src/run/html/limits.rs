//! What a run cannot say, whatever it came to: what its storages were is what its evidence rests on.

use crate::run::model::Run;

const MODEL: &str = "What survives a power cut is a model of the named file system, chosen by the seed among everything the \
                     model allows.";
const REAL: &str = "What survives a power cut is what this machine's kernel makes of a device that the run serves: which of the \
                    sectors that no flush had ended for are kept is chosen by the seed. A drive may do what none of them do.";
const CALLS: &str = "The faults are made by a file system beneath the mail server. A bug in a drive, a controller or the \
                     kernel's own file system shows only if a scenario reproduces what it does.";
const DEVICE: &str = "The faults are made beneath the mail server: by a file system, and by the device beneath the kernel's own \
                      file system, which is the real one. A bug in a drive or a controller shows only if a scenario reproduces \
                      what it does.";
const ELSEWHERE: &str = "The mail server has a storage of its own, and nothing broke it but the commands of the scenario. What clients \
                         were told and shown is all that was judged.";
const LOADS: &str = "A verdict is about the messages of this run. Valid means that nothing was found although it was looked for \
                     under the faults above; it is not a proof for other loads, settings or versions.";
const EITHER: &str =
    "A message that was neither acknowledged nor refused may or may not be there: either is right.";

/// In the order in which they are read.
pub(super) fn limits(run: &Run) -> Vec<&'static str> {
    if run.contract == "elsewhere" {
        return vec![ELSEWHERE, LOADS, EITHER];
    }
    let (real, model) = (run.persistence.iter().any(is_real), run.persistence.iter().any(is_model));
    let mut limits = vec![if real { DEVICE } else { CALLS }];
    limits.extend(real.then_some(REAL));
    // A report of before storages had names says nothing of them; it knew models only.
    limits.extend((model || !real).then_some(MODEL));
    limits.extend([LOADS, EITHER]);
    limits
}

fn is_real((_, kept): &(String, String)) -> bool {
    kept.starts_with("real-")
}

/// The device beneath a real file system is a storage too, and keeps what its cache does.
fn is_model(kept: &(String, String)) -> bool {
    !is_real(kept) && !kept.1.starts_with("device, ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::samples;

    fn of(kept: &[&str]) -> Vec<&'static str> {
        let mut run = samples::valid().run;
        run.persistence = kept.iter().map(|kept| ("mail".to_owned(), (*kept).to_owned())).collect();
        limits(&run)
    }

    #[test]
    fn a_real_file_system_is_no_model_and_a_model_no_real_one() {
        assert_eq!(of(&["real-xfs", "device, cache volatile"]), [DEVICE, REAL, LOADS, EITHER]);
        assert_eq!(of(&["ext4-ordered"]), [CALLS, MODEL, LOADS, EITHER]);
        assert_eq!(
            of(&["ext4-ordered", "real-ext4", "device, cache lying"]),
            [DEVICE, REAL, MODEL, LOADS, EITHER]
        );
        assert_eq!(of(&[]), [CALLS, MODEL, LOADS, EITHER]);
    }

    #[test]
    fn of_a_storage_elsewhere_nothing_is_said_that_nobody_did() {
        let elsewhere =
            Run { contract: "elsewhere".to_owned(), persistence: Vec::new(), ..samples::valid().run };
        assert_eq!(limits(&elsewhere), [ELSEWHERE, LOADS, EITHER]);
    }
}
