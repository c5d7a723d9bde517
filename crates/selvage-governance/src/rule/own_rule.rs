//! The fabric's own rules, `kind: Rule`: an expression over each interface, grant, consumer, object, mapping or system, true
//! where something is to be said. Types are checked before anything is judged, and the rule's own examples are tests.

pub(crate) mod judge;
pub(crate) mod subject;

use selvage_model::code;
use selvage_model::finding::{Finding, Severity};
use selvage_model::manifest::rule::{Rule, RuleCase, Subject};
use selvage_model::source::Place;
use serde_json::Value;

use super::{LintRule, RULES};
use crate::lint::{Context, Found, Report};
use judge::Judge;
use subject::Variables;

pub(crate) const FOUND: LintRule =
    LintRule { code: code::OWN_RULE, name: "own-rules", severity: Severity::Error, waivable: true, check: found };

/// What the rules find, and once for each rule that it fails on something real.
fn found(context: &Context<'_>, report: &mut Report) {
    for rule in context.fabric.rules.values() {
        let Ok(judge) = Judge::new(rule) else { continue };
        let mut failed = false;
        each(context, rule.about, |thing| match judge.holds(&thing.variables) {
            Ok(true) => {
                let message = format!("{}: {}", thing.called, rule.says);
                let mut finding = Finding::error(code::OWN_RULE, thing.place, message);
                finding.severity = rule.severity;
                let finding = finding.fix(format!("see the rule `{}` at {}", rule.name, rule.place));
                report.found.push(Found { about: thing.about, own_rule: Some(rule.name.to_string()), finding });
            }
            Ok(false) => {}
            Err(why) if !failed => {
                failed = true;
                let message = format!("the rule cannot be applied to {}: {why}", thing.called);
                report.add(&rule.name, broken(rule, message));
            }
            Err(_) => {}
        });
    }
}

/// Something that rules judge.
struct Thing<'a> {
    called: String,
    about: Vec<String>,
    place: &'a Place,
    variables: Variables,
}

impl<'a> Thing<'a> {
    fn new(subject: &str, name: String, place: &'a Place, value: Value) -> Self {
        let variables = Variables::from([(subject.to_owned(), value)]);
        Self { called: format!("`{name}`"), about: vec![name], place, variables }
    }

    fn with(mut self, variable: &str, value: Value) -> Self {
        self.variables.insert(variable.to_owned(), value);
        self
    }
}

/// Everything of a kind, with what a rule about it may look at. What names something undeclared is told elsewhere.
fn each<'a>(context: &Context<'a>, about: Subject, mut judge: impl FnMut(Thing<'a>)) {
    let fabric = context.fabric;
    match about {
        Subject::Interface => fabric.interfaces.iter().for_each(|(name, it)| {
            judge(Thing::new("interface", name.to_string(), &it.place, subject::interface(context, it)));
        }),
        Subject::Consumer => fabric.consumers.values().for_each(|it| {
            judge(Thing::new("consumer", it.name.to_string(), &it.place, subject::consumer(it)));
        }),
        Subject::Object => fabric.objects.iter().for_each(|(name, it)| {
            judge(Thing::new("object", name.to_string(), &it.place, subject::object(it)));
        }),
        Subject::System => fabric.systems.values().for_each(|it| {
            judge(Thing::new("system", it.name.to_string(), &it.place, subject::system(it)));
        }),
        Subject::Mapping => fabric.mappings.values().for_each(|it| {
            let Some((object, system)) = subject::beside(fabric, it) else { return };
            let thing = Thing::new("mapping", it.name.to_string(), &it.place, subject::mapping(it));
            judge(thing.with("object", subject::object(object)).with("system", subject::system(system)));
        }),
        Subject::Grant => fabric.grants.iter().for_each(|it| {
            let interface = fabric.interfaces.get(&it.interface.value);
            let (Some(consumer), Some(interface)) = (fabric.consumers.get(&it.consumer.value), interface) else {
                return;
            };
            let mut thing = Thing::new("grant", it.consumer.to_string(), &it.place, subject::grant(context, it));
            thing.called = format!("the grant of `{}` on `{}`", it.consumer, it.interface);
            thing.about.push(it.interface.to_string());
            let thing = thing.with("consumer", subject::consumer(consumer));
            judge(thing.with("interface", subject::interface(context, interface)));
        }),
    }
}

pub(crate) const FAILED: LintRule = LintRule {
    code: code::OWN_RULE_FAILED,
    name: "own-rules-can-be-applied",
    severity: Severity::Error,
    waivable: false,
    check: failed,
};

/// What is wrong with a rule whatever there is: members that are not there, types that never agree, nulls that it forgets.
fn failed(context: &Context<'_>, report: &mut Report) {
    for rule in context.fabric.rules.values() {
        if let Err(Some(why)) = Judge::new(rule).map(drop) {
            report.add(&rule.name, broken(rule, why));
        }
    }
}

fn broken(rule: &Rule, message: String) -> Finding {
    let known = subject::variables(rule.about).iter().map(|(variable, members)| {
        let names: Vec<String> = members.iter().map(|(name, _)| format!("`{name}`")).collect();
        format!("`{variable}` has {}", names.join(", "))
    });
    let fix = known.collect::<Vec<_>>().join("; ");
    FAILED.finding(&rule.when.place, message).fix(fix)
}

pub(crate) const NAMED: LintRule = LintRule {
    code: code::OWN_RULE_NAME,
    name: "own-rules-have-own-names",
    severity: Severity::Error,
    waivable: false,
    check: named,
};

fn named(context: &Context<'_>, report: &mut Report) {
    for rule in context.fabric.rules.values() {
        let is_taken = |known: &&LintRule| known.name == rule.name.as_str();
        if let Some(built_in) = RULES.iter().find(is_taken) {
            let message = format!(
                "`{}` is the name of a built-in rule ({}): guardrails and waivers could not tell the two apart",
                rule.name, built_in.code
            );
            let finding = NAMED.finding(&rule.place, message);
            report.add(&rule.name, finding.fix("give it a name of its own"));
        }
    }
}

pub(crate) const CASES: LintRule = LintRule {
    code: code::OWN_RULE_CASE,
    name: "own-rules-pass-their-tests",
    severity: Severity::Error,
    waivable: false,
    check: cases,
};

fn cases(context: &Context<'_>, report: &mut Report) {
    for rule in context.fabric.rules.values() {
        let Ok(judge) = Judge::new(rule) else { continue };
        let of = |cases: &'_ [RuleCase], bad: bool| {
            let wrong = |case: &RuleCase| Some((case.place.clone(), judge.wrong(case, bad)?));
            cases.iter().filter_map(wrong).collect::<Vec<_>>()
        };
        for (place, why) in of(&rule.bad, true).into_iter().chain(of(&rule.good, false)) {
            let finding = CASES.finding(&place, format!("a test of the rule `{}` does not hold: {why}", rule.name));
            report.add(&rule.name, finding.fix("correct the rule or its test: one of the two is not what is meant"));
        }
    }
}
