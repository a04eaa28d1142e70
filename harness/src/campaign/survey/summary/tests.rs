use super::*;
use crate::campaign::shown::Shown;
use crate::campaign::survey::options::{Options, USUAL_SEED, usual_directory};
use reports::run::Moment;

fn options(repeat: u32) -> Options {
    Options {
        scenarios: vec!["../scenarios/baseline.toml".into()],
        targets: vec!["reference".to_owned(), "aiosmtpd".to_owned()],
        profiles: Vec::new(),
        repeat,
        seed: USUAL_SEED,
        jobs: 1,
        directory: usual_directory(Shard::WHOLE),
        shard: Shard::WHOLE,
    }
}

fn outline(repeat: u32) -> Outline {
    let options = options(repeat);
    let columns = vec![reports::survey::Column { name: "baseline".to_owned(), why: "why".to_owned() }];
    let server = |name: &String| Server { name: name.clone(), versions: vec!["1".to_owned()] };
    let servers = options.targets.iter().map(server).collect();
    let place = |target: usize, seed: u32| Place {
        key: format!("{target}/{seed}"),
        column: 0,
        target,
        seed: seed.into(),
    };
    let places = (1..=repeat).flat_map(|seed| [place(0, seed), place(1, seed)]).collect();
    Outline { options, columns, servers, places, plans: "digest".to_owned() }
}

fn result(key: &str, classes: &[Class]) -> (String, RunResult) {
    let (target, seed) = key.split_once('/').expect("a key");
    let shown = |class: &Class| Shown {
        class: *class,
        count: 1,
        sentence: format!("{} with seed {seed}", class.words()),
        evidence: vec![Moment { at_s: 0.0, who: "client".to_owned(), what: format!("seed {seed}") }],
    };
    let result = RunResult {
        run: key.to_owned(),
        build: "build".to_owned(),
        target: ["reference", "aiosmtpd"][target.parse::<usize>().expect("a number")].to_owned(),
        target_version: Some("1".to_owned()),
        column: "baseline".to_owned(),
        seed: seed.parse().expect("a number"),
        started: String::new(),
        shown: classes.iter().map(shown).collect(),
        violated: Vec::new(),
        acknowledged: 10,
        lost: u64::from(classes.contains(&Class::Lost)),
        p50_s: None,
        p99_s: None,
        reproduce: format!("again {key}"),
        directory: None,
    };
    (key.to_owned(), result)
}

fn surveyed(repeat: u32, results: &[(&str, &[Class])]) -> Survey {
    surveyed_in(Shard::WHOLE, repeat, results)
}

fn surveyed_in(shard: Shard, repeat: u32, results: &[(&str, &[Class])]) -> Survey {
    let done: Done = results.iter().map(|(key, classes)| result(key, classes)).collect();
    survey(&outline(repeat), &done, shard, Vec::new(), String::new(), String::new())
}

#[test]
fn the_worst_server_comes_first_and_each_finding_counts_its_runs() {
    let survey = surveyed(
        2,
        &[
            ("0/1", &[Class::Intact]),
            ("0/2", &[Class::Intact]),
            ("1/1", &[Class::ServerHung]),
            ("1/2", &[Class::Lost, Class::ServerHung]),
        ],
    );
    let rows: Vec<(&str, Option<Class>, u32)> =
        survey.rows.iter().map(|row| (row.target.as_str(), row.cells[0].worst, row.cells[0].shown)).collect();
    assert_eq!(rows, [("aiosmtpd", Some(Class::Lost), 1), ("reference", Some(Class::Intact), 2)]);
    let findings: Vec<(Class, u32, &[u64], &str)> = survey
        .findings
        .iter()
        .map(|finding| (finding.class, finding.shown, finding.seeds.as_slice(), finding.reproduce.as_str()))
        .collect();
    assert_eq!(
        findings,
        [(Class::Lost, 1, &[2][..], "again 1/2"), (Class::ServerHung, 2, &[1, 2], "again 1/1")]
    );
    assert_eq!(survey.findings[1].evidence[0].what, "seed 1");
    assert_eq!((survey.rows[0].cells[0].acknowledged, survey.rows[0].cells[0].lost), (20, 1));
    assert_eq!(survey.verdict, Verdict::Invalid);
    assert_eq!(survey.sentence, "1 of 2 mail servers show something bad, the worst: acknowledged and lost.");
}

#[test]
fn what_was_not_run_is_not_known_to_be_well() {
    let all: [(&str, &[Class]); 2] = [("0/1", &[Class::Intact]), ("1/1", &[Class::Intact])];
    assert_eq!(surveyed(1, &all).verdict, Verdict::Valid);
    let survey = surveyed(1, &all[..1]);
    assert_eq!(survey.verdict, Verdict::Unknown);
    assert_eq!(survey.sentence, "None of 2 mail servers shows anything bad; 1 of 2 runs are missing.");
    let unknown: [(&str, &[Class]); 2] = [("0/1", &[Class::Intact]), ("1/1", &[Class::Unknown])];
    let survey = surveyed(1, &unknown);
    assert_eq!((survey.verdict, survey.findings.len()), (Verdict::Unknown, 1));
    assert_eq!(
        surveyed(1, &[("0/1", &[Class::Intact]), ("1/1", &[Class::LiedTo])]).verdict,
        Verdict::Unknown
    );
}

#[test]
fn a_shard_says_that_it_is_one_and_never_that_all_is_well() {
    let all: Vec<(String, &[Class])> =
        outline(3).places.into_iter().map(|place| (place.key, &[Class::Intact][..])).collect();
    let all: Vec<(&str, &[Class])> = all.iter().map(|(key, classes)| (key.as_str(), *classes)).collect();
    assert_eq!(surveyed(3, &all).verdict, Verdict::Valid);
    let shard = Shard::new(2, 4).expect("there is one");
    let survey = surveyed_in(shard, 3, &all);
    assert_eq!((survey.verdict, survey.shard), (Verdict::Unknown, Some(shard)));
    insta::assert_snapshot!(survey.sentence, @"None of 2 mail servers shows anything bad in shard 2 of 4 (4 of 6 runs).");
    insta::assert_snapshot!(surveyed_in(shard, 3, &[]).sentence, @"None of 2 mail servers shows anything bad in shard 2 of 4 (4 of 6 runs); 4 of 4 runs are missing.");
    let bad = surveyed_in(shard, 3, &[("1/1", &[Class::Lost])]);
    assert_eq!(bad.verdict, Verdict::Invalid);
    insta::assert_snapshot!(bad.sentence, @"1 of 2 mail servers show something bad in shard 2 of 4 (4 of 6 runs), the worst: acknowledged and lost; 3 of 4 runs are missing.");
}

#[test]
fn an_outline_names_no_column_and_no_server_that_it_does_not_hold() {
    use crate::campaign::many_runs::ManyRuns;
    let sound = outline(1);
    let (mut column, mut server) = (sound.clone(), sound.clone());
    column.places[0].column = 1;
    server.places[0].target = 2;
    assert_eq!([sound, column, server].map(|outline| outline.is_sound()), [true, false, false]);
}
