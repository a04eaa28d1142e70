//! The page as a CI system is given it.

use crate::run::samples;

use super::*;

#[test]
fn the_answer_comes_first_and_what_is_in_order_is_folded_away() {
    insta::assert_snapshot!(render(&samples::invalid()), @"
    ## INVALID: fsync-eio

    5 of 2,911 acknowledged messages were lost.

    A delivery whose fsync failed must not be acknowledged.

    Mail server reference (0.1.0), seed 42, 2026-01-23T03:00:00Z, 41.2 s.

    Persistence of storage mail: ext4-ordered.

    | Property | Answer | |
    |---|---|---|
    | acknowledged-durable | INVALID | 5 of 2,911 acknowledged messages are gone. |

    <details><summary>acknowledged-durable: Message 0 was acknowledged at 12.345 s and is not in the mailbox at the end.</summary>
    <pre>
       12.301 s  mail client  deliver by LMTP starts
       12.340 s  fault        eio-on-fsync: fsync of user1/Maildir/tmp/1.host fails with EIO
       12.345 s  mail client  250 OK
    </pre>
    </details>

    <details><summary>acknowledged-durable: Message 1 was acknowledged at 12.345 s and is not in the mailbox at the end.</summary>
    <pre>
       12.301 s  mail client  deliver by LMTP starts
       12.340 s  fault        eio-on-fsync: fsync of user1/Maildir/tmp/1.host fails with EIO
       12.345 s  mail client  250 OK
    </pre>
    </details>

    <details><summary>acknowledged-durable: Message 2 was acknowledged at 12.345 s and is not in the mailbox at the end.</summary>
    <pre>
       12.301 s  mail client  deliver by LMTP starts
       12.340 s  fault        eio-on-fsync: fsync of user1/Maildir/tmp/1.host fails with EIO
       12.345 s  mail client  250 OK
    </pre>
    </details>

    <details><summary>acknowledged-durable: Message 3 was acknowledged at 12.345 s and is not in the mailbox at the end.</summary>
    <pre>
       12.301 s  mail client  deliver by LMTP starts
       12.340 s  fault        eio-on-fsync: fsync of user1/Maildir/tmp/1.host fails with EIO
       12.345 s  mail client  250 OK
    </pre>
    </details>

    acknowledged-durable: 1 more, in the other forms of the report.

    - Warning: The load generator was saturated for 1.2 s: the latencies of that time are its own.
    - Load generator: 99 % of the operations were begun within 2.00 ms of when they were due; 500 ms would be late.

    | Fault | Effect | Calls matched | Fired |
    |---|---|--:|--:|
    | eio-on-fsync | errno EIO on fsync | 8,428 | 1,204 |

    | Operation | Ok | Refused | Uncertain | Never begun | Latency p99 | Begun late p99 |
    |---|--:|--:|--:|--:|--:|--:|
    | deliver | 2,911 | 80 | 9 | 0 | 250 ms | 2.00 ms |

    <details><summary>1 of 2 properties hold</summary>

    | Property | Answer | |
    |---|---|---|
    | no-duplicate | Valid | No message is stored twice. |

    </details>

    Run it again:

        fermoposta run scenarios/fsync-eio.toml --seed 42
    ");
}

#[test]
fn several_runs_begin_with_a_table_of_all_the_worst_first() {
    let shown = render_many(&[samples::valid(), samples::unknown(), samples::story()]);
    let (index, runs) = shown.split_once("\n\n## ").expect("a table before the runs");
    insta::assert_snapshot!(index, @"
    ## 3 runs

    | Answer | Scenario | Mail server | Seed | |
    |---|---|---|--:|---|
    | INVALID | libero-2023 | reference | 42 | No acknowledged message was lost, but 1 of 3 statements does not hold. |
    | Unknown | fsync-eio | reference | 42 | The fault eio-on-fsync never fired, so the run proves nothing about it. |
    | Valid | fsync-eio | reference | 42 | All 2,911 acknowledged messages are there and intact. |
    ");
    let heads: Vec<&str> =
        runs.lines().filter(|line| line.contains(": ") && line.starts_with("## ")).collect();
    assert!(runs.starts_with("INVALID: libero-2023\n"), "{runs}");
    assert_eq!(heads, ["## Unknown: fsync-eio", "## Valid: fsync-eio"]);
}

#[test]
fn findings_and_mail_elsewhere_are_shown() {
    let shown = render(&samples::queueing());
    assert!(shown.contains("- Acknowledged and queued: 8\n- Acknowledged and bounced: 3\n"), "{shown}");
    assert!(shown.contains("- Finding: permanent-refusal: 2 deliveries were refused for good"), "{shown}");
    assert!(shown.contains("(1a2b3c4d-17-1)\n"), "{shown}");
    assert!(!render(&samples::valid()).contains("queued"));
}

#[test]
fn a_run_without_faults_has_no_empty_table() {
    let report = Report { faults: Vec::new(), operations: Vec::new(), ..samples::valid() };
    let shown = render(&report);
    assert!(!shown.contains("| Fault |") && !shown.contains("| Operation |"), "{shown}");
}

#[test]
fn what_is_left_out_is_counted() {
    let mut report = samples::invalid();
    let property = &mut report.properties[0];
    property.count = 1_200;
    property.anomalies = vec![property.anomalies[0].clone(); 40];
    property.anomalies[0].evidence = vec![samples::moment(1.0, "client", "250 OK"); 100];
    let shown = render(&report);
    assert_eq!(shown.matches("<summary>acknowledged-durable: ").count(), 10);
    assert!(shown.contains("acknowledged-durable: 1,190 more, in the other forms of the report."), "{shown}");
    assert!(shown.contains("... and 70 more lines\n</pre>"), "{shown}");
}

#[test]
fn a_page_is_no_larger_than_github_takes() {
    let report = Report { warnings: vec!["x".repeat(1_999); 100], ..samples::invalid() };
    let shown = render_many(&vec![report; 50]);
    assert!(shown.len() > MAX / 2 && shown.len() < 1 << 20, "{}", shown.len());
    assert!(shown.starts_with("## 50 runs\n") && shown.contains("The rest is left out"));
}

#[test]
fn hostile_strings_stay_text() {
    for shown in [render(&samples::hostile()), render_many(&[samples::hostile(), samples::hostile()])] {
        let outside_code = shown.lines().filter(|line| !line.starts_with("    "));
        let outside_code: String = outside_code.collect::<Vec<_>>().join("\n");
        assert!(!outside_code.contains("<script>") && !shown.contains('\u{1b}'), "{shown}");
        assert_eq!(shown.matches("<details>").count(), shown.matches("</details>").count());
    }
}

#[test]
fn changed_bytes_stand_below_the_evidence_of_their_anomaly() {
    let shown = render(&samples::damaged());
    let from = shown.find("<details><summary>content-intact").expect("the anomaly");
    let to = from + shown[from..].find("</details>").expect("its end");
    insta::assert_snapshot!(&shown[from..to], @r#"
    <details><summary>content-intact: A message was served with other content than was sent.</summary>
    <pre>
       12.301 s  mail client  deliver by LMTP starts
       12.340 s  fault        eio-on-fsync: fsync of user1/Maildir/tmp/1.host fails with EIO
       12.345 s  mail client  250 OK
    Bytes 4,096 to 4,607 (hex 1000 to 11ff) of 9,212 are zero where other bytes were sent; the rest is the same.
    sent   00000ff0  73 69 78 74 65 65 6e 20 6c 65 74 74 65 72 73 2e  |sixteen letters.|
    found  00000ff0  73 69 78 74 65 65 6e 20 6c 65 74 74 65 72 73 2e  |sixteen letters.|
    sent   00001000  73[69 78 74]65[65 6e 20 6c 65 74 74]65 72 73 2e  |sixteen letters.|
    found  00001000  00[00 00 00]00[00 00 00 00 00 00 00]00 00 00 00  |................|
    sent   00001010 [73 69 78 74 65 65 6e 20 6c 65 74 74 65 72 73 2e] |sixteen letters.|
    found  00001010 [00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00] |................|
    ... 29 rows left out
    sent   000011f0 [73 69 78 74 65 65 6e 20 6c 65 74 74 65 72 73 2e] |sixteen letters.|
    found  000011f0 [00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00] |................|
    sent   00001200  73 69 78 74 65 65 6e 20 6c 65 74 74 65 72 73 2e  |sixteen letters.|
    found  00001200  73 69 78 74 65 65 6e 20 6c 65 74 74 65 72 73 2e  |sixteen letters.|
    sent:  damaged/1a2b3c4d-0-1/sent.eml
    found: damaged/1a2b3c4d-0-1/1-fetch-imap.eml
    </pre>
    "#);
}
