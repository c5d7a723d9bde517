//! How much work an expression can make at most, told from its tree before it runs; and the names that it uses.
//! A bound, not a measure: what could be too much is refused even where the data at hand would be small.

use std::collections::BTreeSet;

use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr, LiteralValue};
use cel::{IdedExpr as Node, Program};

use super::position;

/// Most steps that an evaluation may take.
const MOST_STEPS: u64 = 200_000;
/// Most levels of the tree: evaluation goes a few frames deep for each.
const DEEPEST: usize = 32;

/// The functions there are, beside operators and the loops (`all`, `exists`, `exists_one`, `map`, `filter`) and `has`.
const FUNCTIONS: &[&str] = &["size", "contains", "startsWith", "endsWith", "string", "int", "type"];

const OPERATORS: &[&str] = &[
    "_?_:_",
    "_&&_",
    "_||_",
    "!_",
    "_-_",
    "_+_",
    "_*_",
    "_/_",
    "_%_",
    "_==_",
    "_!=_",
    "_>=_",
    "_<=_",
    "_>_",
    "_<_",
    "-_",
    "_[_]",
    "@in",
    "@not_strictly_false",
];

/// Steps to take, and parts of the value that comes out.
#[derive(Clone, Copy)]
struct Bound {
    steps: u64,
    size: u64,
}

/// Refuses functions that are not there, numbers that are not whole, and more work than is allowed.
pub(super) fn check(program: &Program, data: u64) -> Result<(), String> {
    let mut estimate = Estimate { program, data, bound: Vec::new(), depth: 0 };
    let bound = estimate.node(program.expression())?;
    if bound.steps > MOST_STEPS {
        return Err(format!("the expression could take {} steps; at most {MOST_STEPS} are allowed", bound.steps));
    }
    Ok(())
}

struct Estimate<'a> {
    program: &'a Program,
    /// How large a variable from outside may be.
    data: u64,
    /// Names bound by loops, innermost last, and how large their values may be.
    bound: Vec<(String, u64)>,
    depth: usize,
}

impl Estimate<'_> {
    fn node(&mut self, node: &Node) -> Result<Bound, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.wrong(node, &format!("the expression is more than {DEEPEST} levels deep")));
        }
        let bound = self.level(node)?;
        self.depth -= 1;
        Ok(bound)
    }

    fn level(&mut self, node: &Node) -> Result<Bound, String> {
        match &node.expr {
            Expr::Literal(LiteralValue::Double(_)) => {
                Err(self.wrong(node, "there are no numbers with a fraction in expressions"))
            }
            Expr::Literal(_) => Ok(Bound { steps: 1, size: 1 }),
            Expr::Ident(name) => {
                let inner = self.bound.iter().rev().find(|(bound, _)| bound == name).map(|(_, size)| *size);
                Ok(Bound { steps: 1, size: inner.unwrap_or(self.data) })
            }
            Expr::Select(select) => {
                let operand = self.node(&select.operand)?;
                Ok(Bound { steps: operand.steps.saturating_add(1), size: operand.size })
            }
            Expr::Call(call) => {
                let known =
                    OPERATORS.contains(&call.func_name.as_str()) || FUNCTIONS.contains(&call.func_name.as_str());
                if !known {
                    let functions = FUNCTIONS.join(", ");
                    let message = format!("there is no function `{}`; there are {functions}", call.func_name);
                    return Err(self.wrong(node, &message));
                }
                let mut parts = self.all(call.target.as_deref().into_iter().chain(&call.args))?;
                parts.steps = parts.steps.saturating_add(1);
                // Choices and sums pass their values on; everything else reads its values and answers with one.
                if !matches!(call.func_name.as_str(), "_?_:_" | "_+_" | "_[_]") {
                    parts.steps = parts.steps.saturating_add(parts.size / 32);
                    parts.size = if call.func_name == "string" { parts.size } else { 1 };
                }
                Ok(parts)
            }
            Expr::List(list) => self.all(&list.elements),
            Expr::Map(map) => self.entries(map.entries.iter().map(|entry| &entry.expr)),
            Expr::Struct(_) => Err(self.wrong(node, "there are no message types in expressions")),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::Unspecified => Err(self.wrong(node, "something is missing here")),
        }
    }

    fn all<'n>(&mut self, nodes: impl IntoIterator<Item = &'n Node>) -> Result<Bound, String> {
        let mut sum = Bound { steps: 1, size: 1 };
        for node in nodes {
            let bound = self.node(node)?;
            sum.steps = sum.steps.saturating_add(bound.steps);
            sum.size = sum.size.saturating_add(bound.size);
        }
        Ok(sum)
    }

    fn entries<'n>(&mut self, entries: impl Iterator<Item = &'n EntryExpr>) -> Result<Bound, String> {
        let mut sum = Bound { steps: 1, size: 1 };
        for entry in entries {
            let bound = match entry {
                EntryExpr::MapEntry(entry) => self.all([&entry.key, &entry.value])?,
                EntryExpr::StructField(field) => self.node(&field.value)?,
            };
            sum.steps = sum.steps.saturating_add(bound.steps);
            sum.size = sum.size.saturating_add(bound.size);
        }
        Ok(sum)
    }

    /// A loop: as many turns as the range has parts, each adding to what it gathers.
    fn comprehension(&mut self, each: &ComprehensionExpr) -> Result<Bound, String> {
        let range = self.node(&each.iter_range)?;
        let turns = match &each.iter_range.expr {
            Expr::List(list) => u64::try_from(list.elements.len()).unwrap_or(u64::MAX),
            _ => range.size,
        };
        let start = self.node(&each.accu_init)?;
        let outside = self.bound.len();
        for variable in [Some(&each.iter_var), each.iter_var2.as_ref()].into_iter().flatten() {
            self.bound.push((variable.clone(), range.size));
        }
        self.bound.push((each.accu_var.clone(), 0));
        let condition = self.node(&each.loop_cond)?;
        let step = self.node(&each.loop_step)?;
        let gathered = start.size.saturating_add(turns.saturating_mul(step.size));
        if let Some((_, size)) = self.bound.last_mut() {
            *size = gathered;
        }
        let result = self.node(&each.result)?;
        self.bound.truncate(outside);
        let turn = condition.steps.saturating_add(step.steps);
        let steps = range.steps.saturating_add(turns.saturating_mul(turn)).saturating_add(result.steps);
        Ok(Bound { steps, size: result.size })
    }

    fn wrong(&self, node: &Node, message: &str) -> String {
        let (line, column) = position(self.program, node);
        format!("line {line}, column {column}: {message}")
    }
}

/// The names that are read from outside.
pub(super) fn variables(node: &Node, bound: &mut Vec<String>, found: &mut BTreeSet<String>) {
    match &node.expr {
        Expr::Ident(name) if !bound.contains(name) => {
            found.insert(name.clone());
        }
        Expr::Comprehension(each) => {
            variables(&each.iter_range, bound, found);
            variables(&each.accu_init, bound, found);
            let outside = bound.len();
            bound.extend(
                [Some(&each.iter_var), each.iter_var2.as_ref(), Some(&each.accu_var)].into_iter().flatten().cloned(),
            );
            for inner in [&each.loop_cond, &each.loop_step, &each.result] {
                variables(inner, bound, found);
            }
            bound.truncate(outside);
        }
        _ => children(node).into_iter().for_each(|child| variables(child, bound, found)),
    }
}

/// The members that are taken of this variable.
pub(super) fn members(node: &Node, variable: &str, found: &mut BTreeSet<String>) {
    if let Expr::Select(select) = &node.expr
        && matches!(&select.operand.expr, Expr::Ident(name) if name == variable)
    {
        found.insert(select.field.clone());
    }
    children(node).into_iter().for_each(|child| members(child, variable, found));
}

/// Whether this variable is read otherwise than by its members.
pub(super) fn reads_whole(node: &Node, variable: &str) -> bool {
    match &node.expr {
        Expr::Ident(name) => name == variable,
        Expr::Select(select) if matches!(&select.operand.expr, Expr::Ident(_)) => false,
        _ => children(node).into_iter().any(|child| reads_whole(child, variable)),
    }
}

pub(super) fn children(node: &Node) -> Vec<&Node> {
    match &node.expr {
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).collect(),
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::Comprehension(each) => {
            vec![&each.iter_range, &each.accu_init, &each.loop_cond, &each.loop_step, &each.result]
        }
        Expr::Map(map) => map.entries.iter().flat_map(|entry| entry_children(&entry.expr)).collect(),
        Expr::Struct(fields) => fields.entries.iter().flat_map(|entry| entry_children(&entry.expr)).collect(),
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => Vec::new(),
    }
}

fn entry_children(entry: &EntryExpr) -> Vec<&Node> {
    match entry {
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
        EntryExpr::StructField(field) => vec![&field.value],
    }
}
