//! Messages for wrong rules, all at once.

fn problems(rule: &str) -> String {
    let rule: crate::rules::rule::Rule = toml::from_str(rule).expect(rule);
    rule.problems().iter().map(|p| format!("{p}\n")).collect()
}

#[test]
fn all_problems_of_a_selector_are_found() {
    insta::assert_snapshot!(problems(r#"
        name = " "
        effect.short-read = { bytes = 1 }
        [where]
        op = ["fsync", "read"]
        path = ["[z-a]", "/abs"]
        not-path = "a{b"
        range = { from = 10, to = 10 }
        length = { min = 2, max = 1 }
        open-flags = ["O_APEND", "banana"]
        share = { fraction = 1.5, depth = 0 }
    "#), @"
name: the name is empty (name the rule: reports and commands use it)
where.op: `short-read` cannot strike `fsync` (it strikes read)
where.path: `[z-a]` is no glob: invalid range; 'z' > 'a' (write a glob such as `**/tmp/**`; quote special characters as `[*]`)
where.path: `/abs` starts with a slash and matches nothing (paths are relative to the storage's root)
where.not-path: `a{b` is no glob: unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?) (write a glob such as `**/tmp/**`; quote special characters as `[*]`)
where.open-flags: `O_APEND` is not a flag of open(2) (did you mean `O_APPEND`?)
where.open-flags: `banana` is not a flag of open(2) (known are O_RDONLY, O_WRONLY, O_RDWR, O_APPEND, O_SYNC, O_DSYNC, O_DIRECT, O_TRUNC, O_CREAT, O_EXCL, O_NOATIME, O_NOFOLLOW, O_NONBLOCK, O_DIRECTORY, O_CLOEXEC)
where.range: the range is empty (`to` is the first byte after the range)
where.length: min, 2 B, is more than max (exchange them)
where.share.fraction: 1.5 is not above 0 and at most 1 (write a number such as 0.1)
where.share.depth: 0 components name no mailbox (write 1 or more)
");
}

#[test]
fn all_problems_of_a_trigger_are_found() {
    insta::assert_snapshot!(problems(r#"
        name = "r"
        effect.errno = { code = "EIOO" }
        [when]
        nth = 0
        every = 0
        limit = 0
        probability = 1.5
        sequence = "wxy"
        counter = "calls"
        for = "0s"
    "#), @r#"
when.nth: 0 would never strike (count from 1)
when.every: 0 would never strike (count from 1)
when.limit: 0 would never strike (count from 1)
when.probability: 1.5 is not between 0 and 1 (write a number such as 0.01)
when.sequence: `y` in `wxy` is neither `w` (works) nor `x` (fails) (write `w` and `x`, the last letter in capitals, such as `wxxW`)
when.for: a window of no time would never strike (leave it out or write a duration)
when.every: nth and every and probability and sequence exclude each other (keep one, or write two rules)
when.at: counter `calls` has no threshold (write at = 1000, "10 MB" or, for uptime, "20s")
effect.errno.code: `EIOO` is not the name of an error (did you mean `EIO`?)
"#);
}

#[test]
fn a_threshold_has_the_kind_of_its_counter() {
    let with = |when: &str| problems(&format!("name = \"r\"\nwhen = {{ {when} }}\neffect.freeze = {{}}"));
    insta::assert_snapshot!(with("counter = \"uptime\", at = 20"), @r#"when.at: uptime is a time, 20 is a number (write at = "20s")"#);
    insta::assert_snapshot!(with("counter = \"renames\", at = \"20s\""), @r#"when.at: `renames` is a number, 20s is a time (write a number such as 1000, or counter = "uptime")"#);
    insta::assert_snapshot!(with("at = 20"), @r#"when.counter: `at` without a counter (write counter = "calls" or another one)"#);
    assert_eq!(with("counter = \"uptime\", at = \"20s\""), "");
}

#[test]
fn a_condition_on_bytes_needs_a_call_that_moves_bytes() {
    insta::assert_snapshot!(problems(r#"
        name = "r"
        where = { op = "names", length = { min = 1 } }
        effect.errno = { code = "EIO" }
    "#), @"where.length: none of the selected operations moves bytes (select one of read, write, fallocate, copy-file-range)");
}

#[test]
fn an_engine_names_the_rule_and_refuses_a_second_of_the_name() {
    let rule = |name: &str, p| crate::rules::rule::Rule {
        name: name.to_owned(),
        selector: Default::default(),
        trigger: crate::rules::rule::Trigger { probability: Some(p), ..Default::default() },
        effect: crate::rules::effects::Effect::Freeze(Default::default()),
        for_good: false,
    };
    let rules = vec![rule("a", 0.5), rule("a", 0.5), rule("b", f64::NAN)];
    let problems = crate::rules::engine::Engine::new(rules, 1, None).err().expect("two problems");
    let text: String = problems.iter().map(|p| format!("{p}\n")).collect();
    insta::assert_snapshot!(text, @"
fault `a`: name: `a` is taken (names are unique within a storage; rename one)
fault `b`: when.probability: NaN is not between 0 and 1 (write a number such as 0.01)
");
}

#[test]
fn what_is_for_good_does_not_end_by_itself() {
    insta::assert_snapshot!(problems(r#"
        name = "r"
        for-good = true
        when = { after = "2s", for = "1s" }
        effect.errno = { code = "EIO" }
    "#), @"for-good: a window ends, and what is for good does not (remove `when.for`, or `for-good`)");
    insta::assert_snapshot!(problems(r#"
        name = "r"
        for-good = true
        effect.power-cut = {}
    "#), @"for-good: the power comes back after a cut (remove `for-good`)");
    insta::assert_snapshot!(problems(r#"
        name = "r"
        for-good = true
        effect.bad-sector = {}
    "#), @"");
}

#[test]
fn a_rate_needs_an_effect_that_has_one_and_stands_alone() {
    insta::assert_snapshot!(problems(r#"
        name = "r"
        when = { rate = "field", probability = 0.1 }
        effect.freeze = {}
    "#), @"
when.rate: probability and rate exclude each other (keep one, or write two rules)
when.rate: `freeze` has no field rate: nobody counted it (write probability = 0.001, or every = 1000)
");
    insta::assert_snapshot!(problems(r#"
        name = "r"
        when.rate = "accelerated"
        effect.bad-sector = {}
    "#), @"");
}
