//! The document as its readers take it apart: by a parser of others, and by the rules that it leaves to its users.

use super::*;
use crate::run::model::Messages;
use crate::run::samples;
use nom_openmetrics::{Family as Parsed, MetricDescriptor, MetricType, parser};

fn families(text: &str) -> Result<Vec<Parsed<'_>>, String> {
    let (rest, families) = parser::openmetrics(text).map_err(|error| format!("{error:?}"))?;
    assert_eq!(rest, "");
    families.iter().try_for_each(keeps_to_itself)?;
    let names: BTreeSet<&str> = families.iter().map(|family| family.descriptors[0].metric()).collect();
    if names.len() < families.len() { Err("a family is there twice".to_owned()) } else { Ok(families) }
}

/// One name, a gauge with a help and the unit that its name ends in, and no series twice.
fn keeps_to_itself(family: &Parsed<'_>) -> Result<(), String> {
    let name = family.descriptors[0].metric();
    let gauge = MetricDescriptor::r#type(name, MetricType::Gauge);
    let unit = name.ends_with("_seconds").then(|| MetricDescriptor::unit(name, "seconds"));
    let head: Vec<&MetricDescriptor<'_>> = [&gauge].into_iter().chain(&unit).collect();
    let (told, help) =
        family.descriptors.iter().partition::<Vec<_>, _>(|one| !matches!(one, MetricDescriptor::Help { .. }));
    let series: BTreeSet<String> =
        family.samples.iter().map(|one| format!("{} {:?}", one.name(), one.labels())).collect();
    let whole = told == head && help.len() == 1 && help[0].metric() == name;
    let own = family.samples.iter().all(|one| one.name() == name && one.labels().len() >= 4);
    if whole && own && series.len() == family.samples.len() {
        Ok(())
    } else {
        Err(format!("{name} breaks a rule"))
    }
}

/// Without the labels that every sample of a run has.
fn short(report: &Report) -> String {
    let identity = identity(&numbered(std::slice::from_ref(report))[0]).to_string();
    render_many(std::slice::from_ref(report)).replace(&format!("{identity},"), "").replace(&identity, "")
}

#[test]
fn a_run_is_told_in_families() {
    insta::assert_snapshot!(short(&samples::invalid()), @r#"
    # TYPE fermoposta_run_info gauge
    # HELP fermoposta_run_info What was run; always 1.
    fermoposta_run_info{version="0.1.0",target_version="0.1.0",contract="honest",persistence="mail: ext4-ordered",directory="fermoposta-runs/fsync-eio-42"} 1
    # TYPE fermoposta_run_verdict gauge
    # HELP fermoposta_run_verdict The answer: 1 for the one that was given.
    fermoposta_run_verdict{verdict="valid"} 0
    fermoposta_run_verdict{verdict="unknown"} 0
    fermoposta_run_verdict{verdict="invalid"} 1
    # TYPE fermoposta_run_start_time_seconds gauge
    # UNIT fermoposta_run_start_time_seconds seconds
    # HELP fermoposta_run_start_time_seconds When the run started, counted from 1970.
    fermoposta_run_start_time_seconds{} 1769137200.0
    # TYPE fermoposta_run_duration_seconds gauge
    # UNIT fermoposta_run_duration_seconds seconds
    # HELP fermoposta_run_duration_seconds How long traffic and recovery lasted.
    fermoposta_run_duration_seconds{} 41.25
    # TYPE fermoposta_run_warnings gauge
    # HELP fermoposta_run_warnings How many warnings the report has.
    fermoposta_run_warnings{} 1
    # TYPE fermoposta_messages gauge
    # HELP fermoposta_messages Messages by state; one may be in several: submitted, acknowledged, lost.
    fermoposta_messages{state="submitted"} 3000
    fermoposta_messages{state="acknowledged"} 2911
    fermoposta_messages{state="acknowledged-under-fault"} 412
    fermoposta_messages{state="refused"} 80
    fermoposta_messages{state="uncertain"} 9
    fermoposta_messages{state="intact"} 2906
    fermoposta_messages{state="lost"} 5
    fermoposta_messages{state="invisible"} 0
    fermoposta_messages{state="hidden"} 0
    fermoposta_messages{state="queued"} 0
    fermoposta_messages{state="bounced"} 0
    fermoposta_messages{state="damaged"} 0
    fermoposta_messages{state="unread"} 0
    fermoposta_messages{state="never-begun"} 0
    # TYPE fermoposta_property_verdict gauge
    # HELP fermoposta_property_verdict The answer for each property: 1 for the one that was given.
    fermoposta_property_verdict{property="acknowledged-durable",verdict="valid"} 0
    fermoposta_property_verdict{property="acknowledged-durable",verdict="unknown"} 0
    fermoposta_property_verdict{property="acknowledged-durable",verdict="invalid"} 1
    fermoposta_property_verdict{property="no-duplicate",verdict="valid"} 1
    fermoposta_property_verdict{property="no-duplicate",verdict="unknown"} 0
    fermoposta_property_verdict{property="no-duplicate",verdict="invalid"} 0
    # TYPE fermoposta_property_anomalies gauge
    # HELP fermoposta_property_anomalies How often each property was violated.
    fermoposta_property_anomalies{property="acknowledged-durable"} 5
    fermoposta_property_anomalies{property="no-duplicate"} 0
    # TYPE fermoposta_fault_calls_matched gauge
    # HELP fermoposta_fault_calls_matched File-system calls that were as the fault wants them while it was armed.
    fermoposta_fault_calls_matched{storage="mail",fault="eio-on-fsync"} 8428
    # TYPE fermoposta_fault_calls_fired gauge
    # HELP fermoposta_fault_calls_fired File-system calls that the fault struck.
    fermoposta_fault_calls_fired{storage="mail",fault="eio-on-fsync"} 1204
    # TYPE fermoposta_operations gauge
    # HELP fermoposta_operations Client operations by how they ended; an uncertain one may or may not have happened.
    fermoposta_operations{operation="deliver",outcome="ok"} 2911
    fermoposta_operations{operation="deliver",outcome="refused"} 80
    fermoposta_operations{operation="deliver",outcome="uncertain"} 9
    # TYPE fermoposta_operations_timed_out gauge
    # HELP fermoposta_operations_timed_out Of the refused and the uncertain: those that ran into the time limit.
    fermoposta_operations_timed_out{operation="deliver"} 4
    # TYPE fermoposta_operation_latency_seconds gauge
    # UNIT fermoposta_operation_latency_seconds seconds
    # HELP fermoposta_operation_latency_seconds Latency of the operations that ended well, from when they were begun.
    fermoposta_operation_latency_seconds{operation="deliver",quantile="0.5"} 0.0042
    fermoposta_operation_latency_seconds{operation="deliver",quantile="0.95"} 0.0181
    fermoposta_operation_latency_seconds{operation="deliver",quantile="0.99"} 0.25
    fermoposta_operation_latency_seconds{operation="deliver",quantile="1.0"} 30.1
    # TYPE fermoposta_operation_lateness_seconds gauge
    # UNIT fermoposta_operation_lateness_seconds seconds
    # HELP fermoposta_operation_lateness_seconds From when operations were due until they were begun: the doing of the load generator, not of the server.
    fermoposta_operation_lateness_seconds{operation="deliver",quantile="0.5"} 0.001
    fermoposta_operation_lateness_seconds{operation="deliver",quantile="0.95"} 0.0015
    fermoposta_operation_lateness_seconds{operation="deliver",quantile="0.99"} 0.002
    fermoposta_operation_lateness_seconds{operation="deliver",quantile="1.0"} 0.011
    # TYPE fermoposta_operations_never_begun gauge
    # HELP fermoposta_operations_never_begun Operations that the load generator had no room for: neither refused nor uncertain.
    fermoposta_operations_never_begun{operation="deliver"} 0
    # TYPE fermoposta_generator_late gauge
    # HELP fermoposta_generator_late 1 if the load generator was too slow, so that no time of the run is judged.
    fermoposta_generator_late{} 0
    # TYPE fermoposta_generator_lateness_seconds gauge
    # UNIT fermoposta_generator_lateness_seconds seconds
    # HELP fermoposta_generator_lateness_seconds From when all operations were due until they were begun.
    fermoposta_generator_lateness_seconds{quantile="0.5"} 0.001
    fermoposta_generator_lateness_seconds{quantile="0.95"} 0.0015
    fermoposta_generator_lateness_seconds{quantile="0.99"} 0.002
    fermoposta_generator_lateness_seconds{quantile="1.0"} 0.011
    # TYPE fermoposta_generator_lateness_bound_seconds gauge
    # UNIT fermoposta_generator_lateness_bound_seconds seconds
    # HELP fermoposta_generator_lateness_bound_seconds What is called late.
    fermoposta_generator_lateness_bound_seconds{} 0.5
    # EOF
    "#);
}

#[test]
fn a_story_has_more_to_tell() {
    let text = short(&samples::story());
    let told = ["_sender", "_clients", "_migration", "_statement"];
    let of_story = |line: &&str| told.iter().any(|word| line.starts_with(&format!("fermoposta{word}")));
    insta::assert_snapshot!(text.lines().filter(of_story).collect::<Vec<_>>().join("\n"), @r#"
    fermoposta_statement_verdict{statement="L1",verdict="valid"} 1
    fermoposta_statement_verdict{statement="L1",verdict="unknown"} 0
    fermoposta_statement_verdict{statement="L1",verdict="invalid"} 0
    fermoposta_statement_verdict{statement="L5",verdict="valid"} 0
    fermoposta_statement_verdict{statement="L5",verdict="unknown"} 0
    fermoposta_statement_verdict{statement="L5",verdict="invalid"} 1
    fermoposta_statement_verdict{statement="L14",verdict="valid"} 0
    fermoposta_statement_verdict{statement="L14",verdict="unknown"} 1
    fermoposta_statement_verdict{statement="L14",verdict="invalid"} 0
    fermoposta_sender_submitted{sender="postfix"} 1500
    fermoposta_sender_submitted{sender="exchange-online"} 900
    fermoposta_sender_messages{sender="postfix",fate="stored"} 1486
    fermoposta_sender_messages{sender="postfix",fate="queued"} 3
    fermoposta_sender_messages{sender="postfix",fate="bounced"} 0
    fermoposta_sender_messages{sender="postfix",fate="given-up"} 11
    fermoposta_sender_messages{sender="postfix",fate="lost"} 0
    fermoposta_sender_messages{sender="exchange-online",fate="stored"} 865
    fermoposta_sender_messages{sender="exchange-online",fate="queued"} 0
    fermoposta_sender_messages{sender="exchange-online",fate="bounced"} 35
    fermoposta_sender_messages{sender="exchange-online",fate="given-up"} 0
    fermoposta_sender_messages{sender="exchange-online",fate="lost"} 0
    fermoposta_sender_late{sender="postfix"} 402
    fermoposta_sender_late{sender="exchange-online"} 0
    fermoposta_sender_told_wrongly{sender="postfix"} 0
    fermoposta_sender_told_wrongly{sender="exchange-online"} 0
    fermoposta_sender_delay_seconds{sender="postfix",quantile="0.5"} 0.0043
    fermoposta_sender_delay_seconds{sender="postfix",quantile="0.95"} 31.25
    fermoposta_sender_delay_seconds{sender="postfix",quantile="0.99"} 38.0
    fermoposta_sender_delay_seconds{sender="postfix",quantile="1.0"} 41.2
    fermoposta_clients{class="webmail"} 20
    fermoposta_clients{class="held"} 20
    fermoposta_clients_asked{class="webmail"} 1420
    fermoposta_clients_asked{class="held"} 1420
    fermoposta_clients_served{class="webmail"} 711
    fermoposta_clients_served{class="held"} 711
    fermoposta_clients_down_seconds{class="webmail"} 9.02
    fermoposta_clients_down_seconds{class="held"} 9.4
    fermoposta_clients_healthy_again_seconds{class="webmail"} 50.5
    fermoposta_migration_users{migration="1",from="old",to="new",place="new"} 150
    fermoposta_migration_users{migration="1",from="old",to="new",place="old"} 49
    fermoposta_migration_users{migration="1",from="old",to="new",place="between"} 1
    fermoposta_migration_held_seconds{migration="1",from="old",to="new",quantile="0.5"} 0.021
    fermoposta_migration_held_seconds{migration="1",from="old",to="new",quantile="0.95"} 0.4
    fermoposta_migration_held_seconds{migration="1",from="old",to="new",quantile="0.99"} 0.9
    fermoposta_migration_held_seconds{migration="1",from="old",to="new",quantile="1.0"} 35.4
    "#);
}

#[test]
fn several_runs_keep_families_together_and_series_apart() {
    let reports = [
        samples::valid(),
        samples::story(),
        samples::unknown(),
        samples::queueing(),
        samples::valid(),
        samples::hostile(),
    ];
    let text = render_many(&reports);
    let families = families(&text).expect("by the rules");
    let verdicts = families.iter().find(|family| family.descriptors[0].metric() == "fermoposta_run_verdict");
    assert_eq!(verdicts.expect("there").samples.len(), 3 * reports.len());
    assert!(text.contains(r#"fermoposta_run_verdict{scenario="fsync-eio",target="reference",seed="42",run="4",verdict="valid"} 1"#), "{text}");
}

#[test]
fn hostile_strings_are_values_of_labels() {
    let text = render_many(&[samples::hostile()]);
    assert!(!text.contains('\u{1b}') && !text.contains('\r') && text.ends_with("\n# EOF\n"), "{text}");
    let families = families(&text).expect("by the rules");
    let scenario = &families[0].samples[0].labels()[0];
    assert_eq!(
        (scenario.name, &scenario.value),
        ("scenario", &crate::kit::inert::copy(&samples::hostile()).run.scenario)
    );
}

#[test]
fn what_was_not_measured_is_absent() {
    let text = render_many(&[samples::unknown()]);
    assert!(!text.contains("latency") && !text.contains("sender") && !text.contains("NaN"), "{text}");
    let mut report = samples::valid();
    report.run.started = "yesterday".into();
    assert!(!render_many(&[report]).contains("start_time"));
    assert_eq!(render_many(&[]), "# EOF\n");
}

#[test]
fn the_same_reports_give_the_same_bytes() {
    assert_eq!(render_many(&[samples::story()]), render_many(&[samples::story()]));
}

#[test]
fn numbers_beyond_reason_are_numbers() {
    let mut report =
        Report { messages: Messages { lost: u64::MAX, ..Messages::default() }, ..samples::valid() };
    report.run.duration_s = 1e300;
    let text = render_many(&[report]);
    assert!(text.contains(" 1e300\n") && text.contains(" 18446744073709551615\n"), "{text}");
    families(&text).expect("by the rules");
}

#[test]
fn a_reader_refuses_what_is_against_the_rules() {
    let text = render_many(&[samples::invalid()]);
    let spoiled = [
        text.replace("# EOF\n", ""),
        text.replace("verdict=\"valid\"} 0", "verdict=\"va\"lid\"} 0"),
        text.replace("verdict=\"unknown\"", "verdict=\"valid\""),
        text.replace("# UNIT fermoposta_run_duration_seconds seconds\n", ""),
        text.replace("# EOF", &format!("{text}# EOF")),
    ];
    for text in spoiled {
        assert!(families(&text).is_err(), "{text}");
    }
}

#[test]
fn every_family_is_documented() {
    let documented = include_str!("../../../../docs/formats.md");
    for Family { name, .. } in run_families::FAMILIES.iter().chain(story_families::FAMILIES) {
        assert!(documented.contains(&format!("`{name}`")), "{name}");
    }
}
