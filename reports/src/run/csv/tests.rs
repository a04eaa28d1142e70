//! The table, as its readers take it apart.

use crate::run::samples;

use super::*;
use ::csv::{Error, Reader, StringRecord};

fn read(text: &str) -> Result<Vec<StringRecord>, Error> {
    Reader::from_reader(text.as_bytes()).records().collect()
}

fn table(reports: &[Report]) -> Vec<StringRecord> {
    read(&render_many(reports)).expect("own output")
}

#[test]
fn every_measure_is_there_and_a_bin_without_operations_has_no_latency() {
    let report = Report { clients: samples::story().clients, ..samples::valid() };
    insta::assert_snapshot!(render_many(&[report]).replace("\r\n", "\n"), @r#"
    scenario,target,seed,run,from_s,to_s,measure,of,value
    fsync-eio,reference,42,1,-0.5,0,attempts,acknowledged,8
    fsync-eio,reference,42,1,0,0.5,attempts,acknowledged,10
    fsync-eio,reference,42,1,0.5,1,attempts,acknowledged,3
    fsync-eio,reference,42,1,-0.5,0,attempts,refused,0
    fsync-eio,reference,42,1,0,0.5,attempts,refused,0
    fsync-eio,reference,42,1,0.5,1,attempts,refused,6
    fsync-eio,reference,42,1,-0.5,0,attempts,uncertain,0
    fsync-eio,reference,42,1,0,0.5,attempts,uncertain,1
    fsync-eio,reference,42,1,0.5,1,attempts,uncertain,0
    fsync-eio,reference,42,1,-0.5,0,attempts,never-begun,0
    fsync-eio,reference,42,1,0,0.5,attempts,never-begun,0
    fsync-eio,reference,42,1,0.5,1,attempts,never-begun,0
    fsync-eio,reference,42,1,-0.5,0,operations-ok,fetch,2
    fsync-eio,reference,42,1,0,0.5,operations-ok,fetch,0
    fsync-eio,reference,42,1,0.5,1,operations-ok,fetch,1
    fsync-eio,reference,42,1,-0.5,0,latency-p50-seconds,fetch,0.002
    fsync-eio,reference,42,1,0.5,1,latency-p50-seconds,fetch,0.4
    fsync-eio,reference,42,1,-0.5,0,latency-p99-seconds,fetch,0.004
    fsync-eio,reference,42,1,0.5,1,latency-p99-seconds,fetch,0.4
    fsync-eio,reference,42,1,0,0.5,lateness-p99-seconds,all,0.0015
    fsync-eio,reference,42,1,0.5,1,lateness-p99-seconds,all,0.002
    fsync-eio,reference,42,1,-0.5,0,operations-waiting,all,1
    fsync-eio,reference,42,1,0,0.5,operations-waiting,all,4
    fsync-eio,reference,42,1,0.5,1,operations-waiting,all,2
    fsync-eio,reference,42,1,-0.5,0,calls-held,all,0
    fsync-eio,reference,42,1,0,0.5,calls-held,all,2
    fsync-eio,reference,42,1,0.5,1,calls-held,all,0
    fsync-eio,reference,42,1,-0.5,0,calls-struck,all,0
    fsync-eio,reference,42,1,0,0.5,calls-struck,all,5
    fsync-eio,reference,42,1,0.5,1,calls-struck,all,1
    fsync-eio,reference,42,1,-0.5,0,users-served,all users,10
    fsync-eio,reference,42,1,0,0.5,users-served,all users,10
    fsync-eio,reference,42,1,0.5,1,users-served,all users,4
    fsync-eio,reference,42,1,-0.5,0,users-not-served,all users,0
    fsync-eio,reference,42,1,0,0.5,users-not-served,all users,1
    fsync-eio,reference,42,1,0.5,1,users-not-served,all users,6
    fsync-eio,reference,42,1,-0.5,0,mail-waiting,"not acknowledged yet, with its senders",1
    fsync-eio,reference,42,1,0,0.5,mail-waiting,"not acknowledged yet, with its senders",3
    fsync-eio,reference,42,1,0.5,1,mail-waiting,"not acknowledged yet, with its senders",2
    fsync-eio,reference,42,1,0,0.7,fault-armed,eio-on-fsync,1
    fsync-eio,reference,42,1,0,1,service-up,lmtp,1
    fsync-eio,reference,42,1,1,1.5,service-up,lmtp,0
    fsync-eio,reference,42,1,-1,9,clients-served-share,webmail,1
    fsync-eio,reference,42,1,9,44.5,clients-served-share,webmail,0
    fsync-eio,reference,42,1,44.5,50.5,clients-served-share,webmail,0.5
    fsync-eio,reference,42,1,50.5,50.5,clients-served-share,webmail,1
    fsync-eio,reference,42,1,-1,10,clients-served-share,held,1
    fsync-eio,reference,42,1,10,48,clients-served-share,held,0
    fsync-eio,reference,42,1,48,60,clients-served-share,held,0.4
    fsync-eio,reference,42,1,60,60,clients-served-share,held,0.95
    "#);
}

#[test]
fn lines_end_as_the_standard_wants_it() {
    let text = render_many(&[samples::valid()]);
    assert!(
        text.starts_with(
            "scenario,target,seed,run,from_s,to_s,measure,of,value\r\nfsync-eio,reference,42,1,"
        )
    );
    assert!(text.ends_with("\r\n") && text.matches('\n').count() == text.matches("\r\n").count());
}

#[test]
fn several_runs_are_one_table_and_told_apart() {
    let all = table(&[samples::valid(), samples::story(), samples::valid()]);
    let mut runs: Vec<(&str, &str)> = all.iter().map(|row| (&row[0], &row[3])).collect();
    runs.dedup();
    assert_eq!(runs, [("fsync-eio", "1"), ("libero-2023", "1"), ("fsync-eio", "2")]);
    let mut points: Vec<Vec<&str>> =
        all.iter().map(|row| [0, 1, 2, 3, 4, 6, 7].map(|n| &row[n]).to_vec()).collect();
    points.sort_unstable();
    points.dedup();
    assert_eq!(points.len(), all.len(), "each point in time of each measure of each run is there once");
}

#[test]
fn hostile_strings_stay_text_in_their_cells() {
    let mut report = samples::hostile();
    report.run.scenario = "=cmd|' /C calc'!A0".into();
    report.run.target = "a;@SUM(1,2),\"b\"\r\n-3".into();
    let text = render_many(&[report]);
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
    let rows = read(&text).expect("as many cells in every row");
    assert!(rows.len() > 400, "{}", rows.len());
    for row in rows {
        assert_eq!(&row[0], "'=cmd|' /C calc'!A0");
        assert_eq!(&row[1], r#"a;'@SUM(1,2),"b"\r\n-3"#);
        assert!(row[4].parse::<f64>().is_ok() && row[8].parse::<f64>().is_ok(), "{row:?}");
    }
}

#[test]
fn a_report_without_a_series_has_a_head_and_its_clients() {
    let report = Report { series: None, ..samples::valid() };
    assert_eq!(table(&[report]), Vec::<StringRecord>::new());
    let report = Report { series: None, ..samples::story() };
    let rows = table(&[report]);
    assert_eq!(rows.len(), 8);
    assert_eq!(
        &rows[7],
        vec!["libero-2023", "reference", "42", "1", "60", "71", "clients-served-share", "held", "0.95"]
    );
}

#[test]
fn a_reader_refuses_a_row_that_is_cut() {
    let text = render_many(&[samples::valid()]);
    let cut = text.trim_end().rsplit_once(',').expect("cells").0;
    assert!(read(cut).is_err());
}

#[test]
fn every_measure_is_documented() {
    let documented = include_str!("../../../../docs/formats.md");
    for row in table(&[samples::valid(), samples::story()]) {
        assert!(documented.contains(&format!("`{}`", &row[6])), "{row:?}");
    }
}
